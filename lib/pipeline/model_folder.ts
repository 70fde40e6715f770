/**
 * What `collide train` writes, and what a folder of it holds: teacher.safetensors, mapping.safetensors and
 * student/student.safetensors, all of one training.
 *
 * The three are written under temporary names and then renamed, one right after the other. A crash between two renames
 * leaves whole files of two trainings. The mapping says of which teacher it is, the student of which mapping: whatever
 * takes them together refuses them then.
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Device } from '../device.ts';
import { CollideError, checkObject, checkText, describe } from '../errors.ts';
import { inFolder, readMetadata, safetensorsContent, writeFilesAtomic } from '../files/index.ts';
import { checkHashing, Hashing } from './hashing.ts';
import { checkSameTraining } from './origin.ts';
import { Student } from './student.ts';
import { checkTeacher, Teacher } from './teacher.ts';

/** The parts of one training. */
export interface TrainedModel {
  teacher: Teacher;
  hashing: Hashing;
  student: Student;
}

const TEACHER = 'teacher.safetensors';
const MAPPING = 'mapping.safetensors';
const STUDENT = 'student/student.safetensors';

/**
 * Writes teacher, hashing and student of one training into a folder, as `collide train` does.
 *
 * @throws CollideError INVALID_ARGUMENT for parts of different trainings, FILE_IO
 * @example
 * ```ts
 * await saveModel('model', { teacher, hashing, student });
 * using student = await Student.load('model/student');
 * ```
 */
export async function saveModel(folder: string, model: TrainedModel): Promise<void> {
  checkText(folder, 'the folder of a model');
  checkObject(model, 'a model of teacher, hashing and student');
  const { teacher, hashing, student } = model;
  checkTeacher(teacher, 'saveModel');
  checkHashing(hashing, 'saveModel');
  if (!(student instanceof Student)) {
    throw new CollideError('INVALID_ARGUMENT', `Expected a Student for saveModel, received ${describe(student)}`);
  }
  checkOneTraining(model);
  const files: Parameters<typeof writeFilesAtomic>[0][number][] = [];
  for (const [name, part] of [
    [TEACHER, teacher],
    [MAPPING, hashing],
    [STUDENT, student],
  ] as const) {
    const { tensors, metadata } = part.contents();
    files.push({ path: join(folder, name), content: await safetensorsContent(tensors, metadata) });
  }
  await inFolder(join(folder, dirname(STUDENT)), () => writeFilesAtomic(files));
}

/**
 * Reads what `saveModel` or `collide train` wrote.
 *
 * @throws CollideError INVALID_ARGUMENT when the files are of different trainings (one was stopped while it wrote over the
 * other); FILE_IO, FILE_FORMAT, CUDA_UNAVAILABLE
 */
export async function loadModel(
  folder: string,
  options: { device?: Device; threads?: number } = {},
): Promise<TrainedModel> {
  checkText(folder, 'the folder of a model');
  const teacher = await Teacher.load(join(folder, TEACHER));
  const hashing = await Hashing.load(join(folder, MAPPING));
  const student = await Student.load(join(folder, dirname(STUDENT)), options);
  try {
    checkOneTraining({ teacher, hashing, student });
    return { teacher, hashing, student };
  } catch (error) {
    student.close();
    throw error;
  }
}

function checkOneTraining({ teacher, hashing, student }: TrainedModel): void {
  checkSameTraining(hashing.teacher, teacher.fingerprint, { model: 'mapping', data: 'teacher' });
  checkSameTraining(hashing.fingerprint, student.hashing?.fingerprint, { model: 'mapping', data: 'student' });
}

/**
 * Checks that a mapping is of the same training as the student that lies beside it, if one does.
 *
 * @param path - of the mapping's file
 * @throws CollideError INVALID_ARGUMENT, FILE_FORMAT, FILE_IO
 */
export async function checkBesideStudent(path: string, hashing: Hashing): Promise<void> {
  const beside = join(dirname(path), STUDENT);
  if (!existsSync(beside)) return;
  const { 'hashing.fingerprint': own } = await readMetadata(beside);
  if (own === undefined || own === hashing.fingerprint) return;
  throw new CollideError(
    'INVALID_ARGUMENT',
    `Expected "${path}" and "${beside}" of one training, received another mapping than the student has: its rows mean nothing under other hash functions. A training may have been stopped while it wrote them; train again, or move the mapping elsewhere`,
  );
}
