/**
 * A comparison by hand, from the functions that users have: which split and which seed goes into what is written out
 * once more here, plainly and without a thought for time. Every model is trained from its start, for each number of epochs.
 */

import type { LearningMethod } from '../../lib/clustering/index.ts';
import type { CompareConfig } from '../../lib/compare/config.ts';
import type { Dataset, Split } from '../../lib/data/index.ts';
import { baselineHashing } from '../../lib/methods/baseline.ts';
import { type Shape, tablesToHash } from '../../lib/methods/choosing/choose.ts';
import { crossFit } from '../../lib/methods/learning/cross_fit.ts';
import { type CrossTeachers, trainCrossTeachers } from '../../lib/methods/learning/cross_teachers.ts';
import { learnHashing } from '../../lib/methods/learning/learn_hashing.ts';
import type { Hashing } from '../../lib/pipeline/hashing.ts';
import { type StudentOptions, trainStudent } from '../../lib/pipeline/student.ts';
import { type Teacher, trainTeacher } from '../../lib/pipeline/teacher.ts';

interface Fixed {
  learningRate: number;
  epochs: number;
}
interface Tried extends Fixed {
  shape: Shape;
  losses: Float64Array;
}
/** What a method learns from: the teachers of one seed. */
interface Knowledge {
  teacher: Teacher;
  cross: CrossTeachers;
}

const mean = (losses: Float64Array) => losses.reduce((sum, loss) => sum + loss, 0) / losses.length;

/** The results of `compare`, without what was measured by the clock. */
export async function compareByHand(config: CompareConfig, data: Dataset) {
  const { methods, sizes, seeds, minRows, hotShare, parts, unseen, tune } = config.compare;
  const [past, present, validation, evaluation] = ['teacher', 'student', 'validation', 'evaluation'].map((name) =>
    data.split(name),
  ) as [Split, Split, Split, Split];
  const model: StudentOptions = {
    bottomHidden: config.model.bottom.slice(0, -1),
    topHidden: config.model.top.slice(0, -1),
    embeddingOptimizer: config.training.embeddingOptimizer,
    denseOptimizer: config.training.denseOptimizer,
    batchSize: config.training.batchSize as number,
  };

  /** Of all rates and epochs the pair of least validation loss, the first of equals. */
  async function best(
    split: Split,
    learningRates: readonly number[],
    maxEpochs: number,
    options: StudentOptions,
  ): Promise<Fixed & { losses: Float64Array }> {
    let found: (Fixed & { losses: Float64Array }) | undefined;
    for (const learningRate of learningRates) {
      for (let epochs = 1; epochs <= maxEpochs; epochs++) {
        using tried = await trainStudent(split, { ...model, ...options, learningRate, epochs });
        const losses = await tried.losses(validation);
        if (found === undefined || mean(losses) < mean(found.losses)) found = { learningRate, epochs, losses };
      }
    }
    return found!;
  }

  // A teacher is a narrow student of the past with whole tables.
  const { dim, maxEpochs, learningRate: given } = config.teacher;
  const rates = given === undefined ? tune.learningRate : [given];
  const { learningRate, epochs } = await best(past, rates, maxEpochs, { dim, seed: 1 });
  const knowledge: Knowledge[] = [];
  for (let seed = 1; seed <= seeds; seed++) {
    const options = { ...model, dim, seed, learningRate, epochs };
    knowledge[seed] = {
      teacher: await trainTeacher(past, options),
      cross: await trainCrossTeachers(past, present, options),
    };
  }

  function hash(method: string, size: number, seed: number, shape: Shape): Promise<Hashing> {
    const options = { size, minRows, seed, recent: [present] };
    if (method === 'full' || method === 'modulo' || method === 'mixed') {
      return baselineHashing(data.features, { ...options, method });
    }
    if (method === 'frequent') return baselineHashing(data.features, { ...options, method, hotShare: shape.hotShare });
    const { teacher, cross } = knowledge[seed]!;
    if (method === 'learned') return learnHashing(teacher, { ...options, method: 'agglomerative' });
    if (method !== 'auto') return learnHashing(teacher, { ...options, method: method as LearningMethod });
    const perFeature = Object.fromEntries((shape.hashed ?? []).map((name) => [name, { method: 'modulo' as const }]));
    const learner = { hotShare: shape.hotShare, parts: shape.parts, unseen, perFeature };
    return learnHashing(shape.crossFit ? cross.whole : teacher, { ...options, ...learner });
  }

  async function optionsOf(method: string, size: number, seed: number, shape: Shape): Promise<StudentOptions> {
    const learned = await hash(method, size, seed, shape);
    const hashing = shape.crossFit ? await crossFit(learned, knowledge[seed]!.cross) : learned;
    const outOfVocabulary = { older: past, share: config.training.outOfVocabularyShare };
    return { dim: config.model.dim, seed, hashing, outOfVocabulary };
  }

  async function choose(method: string, size: number): Promise<Tried> {
    const attempt = async (shape: Shape): Promise<Tried> => ({
      shape,
      ...(await best(present, tune.learningRate, tune.maxEpochs, await optionsOf(method, size, 1, shape))),
    });
    let shapes: Shape[] = [{}];
    if (method === 'frequent') shapes = hotShare.map((share) => ({ hotShare: share }));
    if (method === 'auto') {
      shapes = parts.flatMap((pieces) =>
        config.teacher.crossFit.flatMap((crossed) =>
          hotShare.map((share) => ({ hotShare: share, crossFit: crossed, parts: pieces })),
        ),
      );
    }
    let found: Tried | undefined;
    for (const shape of shapes) {
      const tried = await attempt(shape);
      if (found === undefined || mean(tried.losses) < mean(found.losses)) found = tried;
    }
    if (method !== 'auto') return found!;
    const students = new Map([['', found!]]);
    const compressed = data.features.filter(
      ({ cardinality }) => cardinality >= minRows && Math.ceil(cardinality * size) < cardinality,
    );
    const tables = compressed.map(({ name }) => name);
    const hashed = await tablesToHash(tables, async (names) => {
      const key = names.join();
      if (!students.has(key)) students.set(key, await attempt({ ...found!.shape, hashed: names }));
      return students.get(key)!.losses;
    });
    return students.get(hashed.join())!;
  }

  const results: object[] = [];
  const chosen = new Map<string, Tried>();
  for (let seed = 1; seed <= seeds; seed++) {
    for (const method of methods) {
      for (const size of method === 'full' ? [1] : sizes) {
        const key = `${method} ${size}`;
        if (!chosen.has(key)) chosen.set(key, await choose(method, size));
        const { shape, learningRate, epochs } = chosen.get(key)!;
        const options = { ...model, ...(await optionsOf(method, size, seed, shape)), learningRate, epochs };
        using student = await trainStudent(present, options);
        const { rows, mapping, optimizer, total } = student.memory();
        results.push({
          ...{ method, size, seed, learningRate, epochs, ...shape },
          ...(await student.evaluate(evaluation)),
          ...{ rows: rows / (4 * config.model.dim), bytes: { rows, mapping, optimizer, total } },
        });
      }
    }
  }
  return results;
}
