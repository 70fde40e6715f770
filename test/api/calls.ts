/** A valid call of every function and method that the package exports: what doors.test.ts bends out of shape. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as api from './every_door.ts';

/** A call with arguments that work. It may be made many times. */
export interface Call {
  /** Exported name, or `Class.method`. */
  name: string;
  run: (...args: never[]) => unknown;
  args: unknown[];
}

const exported: ReadonlyMap<string, unknown> = new Map(Object.entries(api));

const folder = mkdtempSync(join(tmpdir(), 'doors-'));
const at = (name: string) => join(folder, name);

function csv(): string {
  const path = at('ratings.csv');
  const lines = Array.from({ length: 200 }, (_, i) => `u${i % 7},m${i % 11},${(i % 5) + 1},${i}`);
  writeFileSync(path, `user,movie,rating,ts\n${lines.join('\n')}\n`);
  return path;
}

/** @param tidy - receives what has to be closed */
export async function everyCall(tidy: { close(): void }[]): Promise<Call[]> {
  const source = csv();
  const dataConfig = {
    source,
    label: 'rating >= 4',
    features: ['user', { name: 'film', expr: 'movie' }],
    dense: ['rating'],
    splits: { teacher: 'ts < 80', student: 'ts >= 80 and ts < 160', evaluation: 'ts >= 160' },
  };
  const config = {
    data: dataConfig,
    model: { kind: 'dlrm', dim: 2, bottom: [4, 2], top: [4, 1] },
    teacher: { dim: 2, maxEpochs: 1 },
    training: { embeddingOptimizer: { kind: 'sgd' }, denseOptimizer: { kind: 'sgd' } },
    compare: {
      methods: ['modulo', 'learned'],
      sizes: [0.5],
      minRows: 2,
      seeds: 1,
      tune: { learningRate: [0.05], maxEpochs: 1 },
    },
  };
  const parsed = api.parseConfig(config);
  const configPath = at('config.json');
  writeFileSync(configPath, JSON.stringify(config));
  const { data } = api.syntheticDataset({ rows: 200, cardinalities: [12, 8], dense: 1 });
  const [past, present, validation] = ['teacher', 'student', 'validation'].map((name) => data.split(name)) as [
    api.Split,
    api.Split,
    api.Split,
  ];
  const quick = { epochs: 1, topHidden: [2], bottomHidden: [2] };
  const teacher = await api.trainTeacher(past, { ...quick });
  const hashing = await api.learnHashing(teacher, { size: 0.5, minRows: 2 });
  const student = await api.trainStudent(present, { hashing, dim: 2, ...quick });
  const teachers = await api.trainCrossTeachers(past, present, { ...quick });
  const comparison = await api.compare(parsed, await api.openDataset(dataConfig as api.DataConfigInput));
  await api.writeComparison(at('results.json'), comparison);
  await teacher.save(at('teacher.safetensors'));
  await hashing.save(at('mapping.safetensors'));
  await student.save(at('student'));
  await api.saveModel(at('model'), { teacher, hashing, student });
  const rows = Float32Array.from({ length: 20 }, (_, i) => Math.sin(i));
  const counts = Uint32Array.from({ length: 10 }, (_, i) => i + 1);
  const values = Float64Array.from({ length: 10 }, (_, i) => Math.cos(i));
  const knowledge = { rows, counts, dim: 2 };
  const table: api.HashFunction = { kind: 'table', rows: 2, entries: Uint8Array.of(0, 1, 1, 0) };
  const tables = new api.EmbeddingTables({ features: [{ name: 'a', cardinality: 4, dim: 2, hashes: [table] }] });
  await tables.save(at('tables.safetensors'));
  const bag = { indices: Uint32Array.of(0, 1), offsets: Uint32Array.of(0, 1, 2) };
  const net = new api.DenseNet({ dense: 1, vectors: 2, dim: 2, bottom: [2], top: [1] });
  const denseArgs = [Float32Array.of(1, 2), new Float32Array(8).fill(0.1), Float32Array.of(0, 1), new Float32Array(8)];
  const modelOptions = {
    features: data.features.map(({ name, cardinality }) => ({ name, cardinality })),
    dense: 1,
    dim: 2,
  };
  const model = new api.Recommender(modelOptions);
  const [batch] = [...api.batches(present, { size: 8 })];
  tidy.push(data, student, tables, net, model);
  const budgetTables = [{ name: 'a', ids: 10, curve: await api.distortionCurve(rows, 2, counts), sensitivity: 1 }];
  const { vocabulary } = data;
  const closing = <T extends { close(): void }>(made: T) => made.close();
  const task = { method: 'a test', size: 0.5, minRows: 2, features: data.features, seed: 1, shape: {} };
  const attempt = async () => ({ losses: Float64Array.of(1, 2) });

  const call = (name: string, run: (...args: never[]) => unknown, ...args: unknown[]): Call => ({ name, run, args });
  const plain = (name: keyof typeof api, ...args: unknown[]) =>
    call(name, exported.get(name) as (...args: never[]) => unknown, ...args);
  return [
    plain('clustered', 'kd-tree', 'cells'),
    plain('agglomerate', values, counts, { rows: 3 }),
    plain('aggregate', comparison.results),
    plain('auc', Float32Array.of(0, 1), Float32Array.of(0.2, 0.7)),
    plain('axisProjection', rows, 2, 0),
    plain('baselineHashing', data.features, { method: 'modulo', size: 0.5, minRows: 2 }),
    plain('batches', present, { size: 16 }),
    plain('bitsPerEntry', 100, 'bits'),
    plain('buildInfo'),
    plain('bytesPerEntry', 100),
    plain('checkHashFunction', table, 4, 'a test'),
    plain('chooseShape', [{ hotShare: 0 }], ['user'], attempt),
    plain('compare', parsed, data),
    plain('crossFit', await api.learnHashing(teachers.whole, { size: 0.5, minRows: 2 }), teachers),
    plain('datasetFromArrays', {
      features: [{ name: 'movie', cardinality: 3 }],
      splits: { student: { labels: Float32Array.of(0, 1), features: [{ ids: Uint32Array.of(2, 0) }] } },
    }),
    plain('distortionCurve', rows, 2, counts),
    plain('equalMassBins', values, counts, 3),
    plain('evaluateSplit', model, present),
    plain('flights'),
    plain('formatTable', comparison),
    plain('hashTables', task, ({ rows: height }: api.CompressedTable) => ({
      hashes: [{ kind: 'modulo', rows: height }],
    })),
    plain('hashedFeatures', { hashed: ['user'] }),
    plain('hilbertKeys', rows, 2),
    plain('hotBitmap', Uint32Array.of(1, 3), 8),
    plain('idWeights', counts, 'sqrt'),
    plain('isWhole', table),
    plain('kMeans', rows, 2, counts, { rows: 3, iterations: 2 }),
    plain('learnEqualMass', rows, 2, counts, { rows: 3 }),
    plain('learnHashing', teacher, { size: 0.5, minRows: 2, recent: [present] }),
    plain('learnKdTree', rows, 2, counts, 3),
    plain('learnLsh', rows, 2, { rows: 3 }),
    plain('learnMapping', knowledge, { rows: 3 }),
    plain('learnMappings', [{ name: 'a', teacher: knowledge, options: { rows: 3 } }]),
    plain('loadConfig', configPath),
    plain('loadVectors', at('teacher.safetensors')),
    plain('logLoss', Float32Array.of(0, 1), Float32Array.of(0.2, 0.7)),
    plain('logLossOfLogits', Float32Array.of(0, 1), Float32Array.of(0.2, 7)),
    plain('mappingBytes', table, 4),
    plain('mix64', 5n),
    plain('mixedHasher', 1n, 10),
    plain('mixedRow', 3n, 1n, 10n),
    plain('nativeHash', table, 4),
    plain('nativeEmbeddingOptimizer', { kind: 'adam', learningRate: 0.1, epsilon: 1e-8, beta1: 0.9, clipRowNorm: 1 }),
    plain('nativeDenseOptimizer', { kind: 'lamb', learningRate: 0.1, epsilon: 1e-8, beta1: 0.9, weightDecay: 0.1 }),
    plain('normalizedEntropy', Float32Array.of(0, 1), Float32Array.of(0.2, 0.7)),
    plain('normalizedEntropyOfLogits', Float32Array.of(0, 1), Float32Array.of(0.2, 7)),
    plain('openDataset', dataConfig),
    plain('optimalBins', values, Float64Array.from(counts), { rows: 3 }),
    plain('packEntries', Uint8Array.of(0, 1, 1), 2, 'bits'),
    plain('parseConfig', config),
    plain('planBudget', teacher, { bytes: 400, dim: 2 }),
    plain('predictSplit', model, present),
    plain('principalComponents', rows, 2, counts),
    plain('principalProjection', rows, 2, counts),
    plain('principalRotation', rows, 2, counts),
    plain('probeCuda'),
    plain('readComparison', at('results.json')),
    plain('readSafetensors', at('mapping.safetensors')),
    plain('renderReport', comparison),
    plain('rowCount', table, 4),
    plain('rowOf', table, 1, 4),
    plain('rowsOfAll', table, 4),
    plain('saveModel', at('model'), { teacher, hashing, student }),
    call(
      'loadModel',
      async (...args) => {
        const loaded = await api.loadModel(...(args as unknown as [string]));
        loaded.student.close();
      },
      at('model'),
      {},
    ),
    plain('shareBudget', budgetTables, { bytes: 200, dim: 2 }),
    plain('shuffled', 10, 1),
    plain('stableHashes', 2, 2, 1n),
    plain('syntheticDataset', { rows: 200, cardinalities: [12, 8] }),
    plain('tablesToHash', ['user'], async () => Float64Array.of(1, 2)),
    plain('trainCrossTeachers', past, present, { ...quick, dim: 2 }),
    plain('trainEpoch', model, present, { batchSize: 16, seed: 1 }),
    call(
      'trainAuto',
      async (...args) => closing((await api.trainAuto(...(args as unknown as [api.Dataset]))).student),
      data,
      { teacher, choice: { hotShare: 0.5, learningRate: 0.1, epochs: 1 }, dim: 2, topHidden: [2], bottomHidden: [2] },
    ),
    call(
      'trainStudent',
      async (...args) => closing(await api.trainStudent(...(args as unknown as [api.Split]))),
      present,
      {
        hashing,
        dim: 2,
        ...quick,
      },
    ),
    plain('trainTeacher', past, { ...quick, validation, learningRate: [0.1] }),
    plain('uniformShare', budgetTables, { bytes: 200, dim: 2, minRows: 2 }),
    plain('unpackEntries', Uint8Array.of(0, 1, 1), 2),
    plain('withSafetensors', at('mapping.safetensors'), async () => undefined),
    call('Vocabulary', (parts) => new api.Vocabulary(parts), {
      features: vocabulary.features,
      dense: vocabulary.dense,
      unseen: 'row',
    }),
    call('Vocabulary.text', (...args) => vocabulary.text(...(args as unknown as [number, number])), 0, 0),
    plain('writeComparison', at('results.json'), comparison),
    plain('writeMapping', at('movie.csv'), hashing.features[0], 0),
    plain('writeSafetensors', at('x.safetensors'), { a: { shape: [2], data: Float32Array.of(1, 2) } }, { k: 'v' }),
    call(
      'CollideError',
      (...args) => new api.CollideError(...(args as unknown as ['CLOSED', string])),
      'CLOSED',
      'text',
    ),
    call('DenseNet', (options) => closing(new api.DenseNet(options)), {
      dense: 1,
      vectors: 2,
      dim: 2,
      bottom: [2],
      top: [1],
    }),
    call(
      'DenseNet.step',
      (...args) => net.step(...(args as unknown as [Float32Array, Float32Array, Float32Array, Float32Array])),
      ...denseArgs,
    ),
    call(
      'DenseNet.predict',
      (...args) => net.predict(...(args as unknown as [Float32Array, Float32Array, Float32Array])),
      denseArgs[0],
      denseArgs[1],
      new Float32Array(2),
    ),
    call('DenseNet.setLearningRate', (rate) => net.setLearningRate(rate), 0.01),
    call('DenseNet.tensors', () => net.tensors()),
    call('DenseNet.parameters', () => net.parameters()),
    call('DenseNet.setParameters', (v) => net.setParameters(v), net.parameters()),
    call('DenseNet.state', () => net.state()),
    call('DenseNet.setState', (v) => net.setState(v), net.state()),
    call('DenseNet.frozen', () => closing(net.frozen())),
    call('DenseNet.memory', () => net.memory()),
    call('EmbeddingTables', (options) => closing(new api.EmbeddingTables(options)), {
      features: [
        {
          name: 'a',
          cardinality: 4,
          dim: 2,
          hashes: [table],
          combine: 'sum',
          pooling: 'sum',
          init: { kind: 'uniform', scale: 1 },
        },
      ],
      optimizer: { kind: 'adam', learningRate: 0.1 },
    }),
    call(
      'EmbeddingTables.forward',
      (...args) => tables.forward(...(args as unknown as [api.BagBatch])),
      bag,
      new Float32Array(4),
    ),
    call(
      'EmbeddingTables.lookup',
      (...args) => tables.lookup(...(args as unknown as [api.BagBatch])),
      bag,
      new Float32Array(4),
    ),
    call('EmbeddingTables.giveBack', (output) => tables.giveBack(output), new Float32Array(4)),
    call('EmbeddingTables.newOutput', (bags) => tables.newOutput(bags), 2),
    call(
      'EmbeddingTables.backward',
      (...args) => {
        tables.forward(bag);
        tables.backward(...(args as unknown as [Float32Array]));
      },
      new Float32Array(4),
      new Float32Array(2),
    ),
    call('EmbeddingTables.setLearningRate', (rate) => tables.setLearningRate(rate), 0.1),
    call('EmbeddingTables.weights', (...args) => tables.weights(...(args as unknown as [string])), 'a', 0),
    call(
      'EmbeddingTables.setWeights',
      (...args) => tables.setWeights(...(args as unknown as [string, Float32Array])),
      'a',
      new Float32Array(4),
      0,
    ),
    call(
      'EmbeddingTables.optimizerState',
      (...args) => tables.optimizerState(...(args as unknown as [string])),
      'a',
      0,
    ),
    call(
      'EmbeddingTables.setOptimizerState',
      (...args) => tables.setOptimizerState(...(args as unknown as [string, Float32Array])),
      'a',
      new Float32Array(2),
      0,
    ),
    call('EmbeddingTables.counts', (feature) => tables.counts(feature), 'a'),
    call('EmbeddingTables.badIndices', () => tables.badIndices()),
    call('EmbeddingTables.memory', () => tables.memory()),
    call('EmbeddingTables.dropTrainingHashes', () => tables.dropTrainingHashes()),
    call('EmbeddingTables.withPrecision', (precision) => closing(tables.withPrecision(precision)), 'int8'),
    call('EmbeddingTables.checkpoint', (contents) => tables.checkpoint(contents), 'rows'),
    call('EmbeddingTables.restore', (tensors) => tables.restore(tensors), tables.checkpoint()),
    call(
      'EmbeddingTables.save',
      (...args) => tables.save(...(args as unknown as [string])),
      at('t.safetensors'),
      'rows',
    ),
    call('EmbeddingTables.load', (path) => tables.load(path), at('tables.safetensors')),
    call(
      'Hashing',
      (...args) => new api.Hashing(...(args as unknown as [api.FeatureHashing[], api.HashingManifest])),
      [...hashing.features],
      hashing.manifest,
      new Map(),
    ),
    call('Hashing.rows', () => hashing.rows()),
    call('Hashing.forServing', () => hashing.forServing()),
    call('Hashing.mappingBytes', () => hashing.mappingBytes()),
    call('Hashing.save', (path) => hashing.save(path), at('m.safetensors')),
    call('Hashing.load', (path) => api.Hashing.load(path), at('mapping.safetensors')),
    call('Recommender', (options) => closing(new api.Recommender(options)), modelOptions),
    call('Recommender.step', (b) => model.step(b), batch),
    call('Recommender.start', (b) => model.start(b)(), batch),
    call(
      'Recommender.predict',
      (...args) => model.predict(...(args as unknown as [api.ModelBatch, Float32Array])),
      batch,
      new Float32Array(8),
    ),
    call('Recommender.memory', () => model.memory()),
    call('Student.evaluate', (...args) => student.evaluate(...(args as unknown as [api.Split])), present, {}),
    call('Student.losses', (...args) => student.losses(...(args as unknown as [api.Split])), present, {}),
    call('Student.predict', (...args) => student.predict(...(args as unknown as [api.Split])), present, {}),
    call('Student.memory', () => student.memory()),
    call('Student.save', (path) => student.save(path), at('s')),
    call(
      'Student.load',
      async (...args) => closing(await api.Student.load(...(args as unknown as [string]))),
      at('student'),
      {},
    ),
    call(
      'Teacher',
      (...args) => new api.Teacher(...(args as unknown as [number, api.TeacherFeature[]])),
      2,
      [...teacher.features],
      teacher.fit,
    ),
    call('Teacher.save', (path) => teacher.save(path), at('t2.safetensors')),
    call('Teacher.load', (path) => api.Teacher.load(path), at('teacher.safetensors')),
    call(
      'Teacher.from',
      (...args) => api.Teacher.from(...(args as unknown as [api.Safetensors, string])),
      await api.readSafetensors(at('teacher.safetensors')),
      'a test',
    ),
    call('Dataset.split', (name) => data.split(name), 'teacher'),
    call('Dataset.text', (...args) => data.text(...(args as unknown as [number, number])), 0, 0),
    call('Split.ids', (feature) => present.ids(feature), 0),
    call('Split.idCounts', (feature) => present.idCounts(feature), 0),
    call('Split.unseen', (feature) => present.unseen(feature), 0),
  ];
}
