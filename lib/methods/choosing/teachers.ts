/** The teachers that a student of one seed learns from: handed in, or trained when they are first asked for. */
import { checkSameVocabulary } from '../../data/same_vocabulary.ts';
import type { Dataset } from '../../data/types.ts';
import { checkInteger, checkObject, checkOptions } from '../../errors.ts';
import { optionNames } from '../../option_names.ts';
import { Teacher, trainTeacher } from '../../pipeline/teacher.ts';
import type { TrainingOptions } from '../../training/options.ts';
import { type CrossTeachers, trainCrossTeachers } from '../learning/cross_teachers.ts';
import { type Measured, measure } from './measure.ts';
import type { TeacherSource } from './method_training.ts';

/** How a teacher is trained. Options that are not given are those of the student. */
export interface TeacherSettings {
  /** Width of its rows; the paper takes 2 or 4. Default 2. */
  dim?: number;
  /** Several are chosen from on the validation rows. */
  learningRate?: number | readonly number[];
  /** The most passes over its rows to try. Default 4. */
  epochs?: number;
}

const SETTINGS = optionNames<TeacherSettings>({ dim: true, learningRate: true, epochs: true });

export interface TeachersOptions {
  teacher?: Teacher | TeacherSettings;
  crossTeachers?: CrossTeachers;
  training: Omit<TrainingOptions, 'learningRate' | 'epochs' | 'seed' | 'validation' | 'onProgress'>;
  learningRates: readonly number[];
  seed: number;
}

/** @throws CollideError INVALID_ARGUMENT, UNKNOWN_OPTION, VOCABULARY_MISMATCH for a teacher of other data */
export function teachersOf(
  data: Dataset,
  { teacher: given = {}, crossTeachers, training, learningRates, seed }: TeachersOptions,
): TeacherSource & { /** Whether the teacher can be trained further. */ canGoOn: boolean } {
  const [past, present, validation] = ['teacher', 'student', 'validation'].map((name) => data.split(name));
  if (given instanceof Teacher) {
    checkSameVocabulary(given.vocabulary, data.vocabulary, { model: 'the teacher', data: 'the data' });
  } else {
    checkOptions(given, SETTINGS, 'teacher of trainAuto');
  }
  if (crossTeachers !== undefined) checkObject(crossTeachers, 'crossTeachers of trainAuto');
  const settings = given instanceof Teacher ? { dim: given.dim } : given;
  checkInteger(settings.dim ?? 2, 1, 65_536, 'dim of the teacher of trainAuto');
  let teacher: Measured<Teacher> | undefined = given instanceof Teacher ? { value: given, seconds: 0 } : undefined;
  let cross = crossTeachers && { value: crossTeachers, seconds: 0 };
  return {
    canGoOn: crossTeachers !== undefined || !(given instanceof Teacher) || given.fit !== undefined,
    async teacher(onProgress) {
      teacher ??= await measure(() =>
        trainTeacher(past!, {
          ...training,
          dim: settings.dim,
          learningRate: settings.learningRate ?? learningRates,
          epochs: settings.epochs ?? 4,
          validation: validation!,
          seed,
          onProgress,
        }),
      );
      return teacher;
    },
    async cross(onProgress) {
      if (cross !== undefined) return cross;
      const { learningRate, epochs } = (await this.teacher(onProgress)).value.fit!;
      cross = await measure(() =>
        trainCrossTeachers(past!, present!, {
          ...training,
          ...{ dim: settings.dim, learningRate, epochs, seed },
          onProgress,
        }),
      );
      return cross;
    },
  };
}
