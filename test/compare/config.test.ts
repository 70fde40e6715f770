import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type CompareConfigInput, parseConfig } from '../../lib/compare/config.ts';
import { loadConfig } from '../../lib/compare/config_file.ts';
import { Recommender } from '../../lib/model/index.ts';
import { failure, temporaryFolder } from '../data/files.ts';

const { folder, write } = temporaryFolder();

function config(more: object = {}): CompareConfigInput {
  return {
    data: {
      source: 'a.csv',
      label: 'y',
      features: ['user', { name: 'genre', expr: "string_split(genres, '|')" }],
      splits: { teacher: 't < 1', student: 't = 1', evaluation: 't > 1' },
    },
    ...more,
  };
}

async function refused(value: unknown): Promise<string> {
  return (await failure('INVALID_CONFIG', () => parseConfig(value, 'c.yaml'))).message;
}

describe('parseConfig', () => {
  test('fills in every default', () => {
    expect(parseConfig(config())).toEqual({
      data: { ...config().data, dense: [], idOrder: 'frequency', minCount: 1, timezone: 'UTC', unseen: 'row' },
      device: 'cpu',
      model: { kind: 'dlrm', dim: 16, bottom: [], standardize: true, top: [64, 1] },
      teacher: { dim: 2, maxEpochs: 4, crossFit: [false, true] },
      training: {
        batchSize: 'auto',
        outOfVocabularyShare: 0.05,
        embeddingOptimizer: { kind: 'rowwise-adagrad' },
        denseOptimizer: { kind: 'lamb' },
      },
      compare: {
        methods: ['full', 'modulo', 'frequent', 'equal-mass', 'learned', 'auto'],
        sizes: [0.05, 0.1, 0.2],
        minRows: 500,
        seeds: 3,
        hotShare: [0, 0.5, 0.75, 0.9, 1],
        unseen: 'out-of-vocabulary',
        parts: [1, 4],
        tune: { learningRate: [0.02, 0.05, 0.1], maxEpochs: 4, patience: 1 },
      },
    });
  });

  test('what it gives parses to itself; the bottom layers follow the dense columns and dim', () => {
    const once = parseConfig(config({ data: { ...config().data, dense: ['ln(1 + age)'] }, model: { dim: 8 } }));
    expect(once.model.bottom).toEqual([64, 8]);
    expect(parseConfig(once)).toEqual(once);
  });

  test('tries the numbers of parts that divide dim, unless told', () => {
    const parts = (dim: number, compare = {}) => parseConfig(config({ model: { dim }, compare })).compare.parts;
    expect([parts(6), parts(8), parts(8, { parts: 2 }), parts(6, { parts: [3, 1] })]).toEqual([
      [1],
      [1, 4],
      [2],
      [3, 1],
    ]);
  });

  test.each<[object, RegExp]>([
    [
      { modle: {} },
      /^c\.yaml: Unknown key "modle"\. Did you mean "model"\? Known keys: data, device, model, teacher, training, compare$/,
    ],
    [{ compare: { tune: { learningrate: [1] } } }, /"learningrate" in compare\.tune\. Did you mean "learningRate"\?/],
    [{ training: { denseOptimizer: { beta3: 1 } } }, /"beta3" in training\.denseOptimizer\. Did you mean "beta1"\?/],
    [
      { data: { ...config().data, features: [{ name: 'x', exp: 'y' }] } },
      /"exp" in data\.features\[0\]\. Did you mean "expr"\?/,
    ],
    [
      { data: { ...config().data, splits: { teacher: 'a', studnt: 'b', evaluation: 'c' } } },
      /"studnt" in data\.splits\. Did you mean "student"\?/,
    ],
    [
      { training: { outOfVocabularyShare: 0 } },
      /a share above 0 \(compare\.unseen is out-of-vocabulary\) for training\.outOfVocabularyShare/,
    ],
    [
      { model: { dim: 6 }, compare: { parts: [1, 4] } },
      /numbers that divide model\.dim \(6\) for compare\.parts, received \[1, 4\]/,
    ],
    [{ compare: { parts: 0 } }, /compare\.parts/],
    [{ data: { ...config().data, label: 5 } }, /Expected text for data\.label, received 5 of type number/],
    [
      { data: { ...config().data, features: [] } },
      /at least 1 entries for data\.features, received an array of length 0/,
    ],
    [
      { data: { ...config().data, features: ['a', 7] } },
      /Expected text or a section with keys for data\.features\[1\], received 7/,
    ],
    [
      { data: { ...config().data, features: ['a', 'a'] } },
      /different names, received "a" twice \(data\.features\[1\]\)/,
    ],
    [
      { data: { ...config().data, features: ['a', { name: 'b', expr: 'a' }, 'A'] } },
      /different columns, received "A" twice \(data\.features\[2\]\)/,
    ],
    [{ data: { ...config().data, query: 'SELECT 1' } }, /either source or query, received both \(data\)/],
    [{ data: { ...config().data, source: undefined } }, /either source or query, received neither \(data\)/],
    [
      { data: { ...config().data, unseen: 'rwo' } },
      /"row", "hash", "error" for data\.unseen, received "rwo".* Did you mean "row"\?/,
    ],
    [{ data: undefined }, /Missing data: expected a section with keys/],
    [
      { compare: { methods: ['lerned'] } },
      /compare\.methods\[0\], received "lerned" of type string\. Did you mean "learned"\?/,
    ],
    [{ compare: { sizes: [0.1, 0] } }, /a number of more than 0 for compare\.sizes\[1\], received 0/],
    [{ compare: { methods: ['modulo', 'full', 'modulo'] } }, /once, received modulo twice \(compare\.methods\[2\]\)/],
    [{ compare: { sizes: [0.1, 0.2, 0.1] } }, /once, received 0\.1 twice \(compare\.sizes\[2\]\)/],
    [{ compare: { tune: { learningRate: [0.1, 0.1] } } }, /received 0\.1 twice \(compare\.tune\.learningRate\[1\]\)/],
    [{ compare: { hotShare: [0, 0.5, 0] } }, /received 0 twice \(compare\.hotShare\[2\]\)/],
    [{ compare: { parts: [4, 4] } }, /received 4 twice \(compare\.parts\[1\]\)/],
    [{ teacher: { crossFit: [true, true] } }, /received true twice \(teacher\.crossFit\[1\]\)/],
    [{ compare: { sizes: [1.5] } }, /a number of at most 1 for compare\.sizes\[0\], received 1\.5/],
    [{ compare: { seeds: 1.5 } }, /a whole number for compare\.seeds, received 1\.5/],
    [{ compare: null }, /a section with keys for compare, received null/],
    [{ training: { batchSize: 'big' } }, /"auto" or a number for training\.batchSize, received "big"/],
    [{ model: { dim: 0 } }, /at least 1 for model\.dim/],
    [{ model: { top: [64] } }, /a last width of 1 for model\.top, received \[64\]/],
    [{ model: { bottom: [16] } }, /no layers \(there are no dense columns\) for model\.bottom/],
    [
      { model: { bottom: [64] }, data: { ...config().data, dense: ['x'] } },
      /equal to model\.dim \(16\) for model\.bottom, received \[64\]/,
    ],
  ])('refuses %j', async (more, message) => {
    expect(await refused(config(more))).toMatch(message);
  });

  test('names everything that is wrong, one line each', async () => {
    const lines = (await refused(config({ model: { dim: 'x', tpo: [1] }, teacher: { dims: 2 } }))).split('\n');
    expect(lines).toHaveLength(3);
    for (const line of lines) expect(line).toMatch(/^c\.yaml: /);
  });

  test.each([[5], [null], [[]], ['text']])('refuses %j as a whole', async (value) => {
    expect(await refused(value)).toMatch(/^c\.yaml: Expected a section with keys, received/);
  });
});

describe('loadConfig', () => {
  const yaml =
    'data:\n  source: a.csv\n  label: y\n  features: [user]\n  splits: { teacher: t < 1, student: t = 1, evaluation: t > 1 }\n';

  test('YAML and JSON; the folder is that of the file', async () => {
    const fromYaml = await loadConfig(write('c.yaml', yaml));
    const json = { data: { ...config().data, features: ['user'] } };
    const fromJson = await loadConfig(write('c.json', JSON.stringify(json, null, '\t')));
    expect(fromYaml).toEqual(fromJson);
    expect(fromYaml.data.folder).toBe(folder);
    const nested = await loadConfig(write('n.yaml', yaml.replace('  label', '  folder: rows/2001\n  label')));
    expect(nested.data.folder).toBe(join(folder, 'rows/2001'));
  });

  test('slashes in a YAML flow mapping are no comment', async () => {
    const flow = write(
      'flow.yaml',
      `{ data: { source: a//b.csv, label: y, features: [u], splits: { teacher: a, student: b, evaluation: c } } }`,
    );
    expect((await loadConfig(flow)).data.source).toBe('a//b.csv');
  });

  test('a time zone is checked, whatever its case', async () => {
    const zoned = (zone: string) => ({ data: { ...config().data, timezone: zone } });
    expect(parseConfig(zoned('America/Los_Angeles')).data.timezone).toBe('America/Los_Angeles');
    expect(parseConfig(zoned('asia/tokyo')).data.timezone).toBe('asia/tokyo');
    expect(await refused(zoned('Europe/Berln'))).toMatch(
      /name of a time zone.*received "Europe\/Berln"\. Did you mean "Europe\/Berlin"\? \(data\.timezone\)/,
    );
    for (const zone of ['', '+02:00', 'local', 'Mars/Olympus']) {
      expect(await refused(zoned(zone))).toMatch(/name of a time zone.*\(data\.timezone\)/);
    }
  });

  test('a missing file', async () => {
    expect((await failure('FILE_IO', () => loadConfig(join(folder, 'no.yaml')))).message).toMatch(/no\.yaml: ENOENT/);
  });

  test.each([
    ['open.yaml', 'data:\n  source: [a\n  label: y\n', /open\.yaml: line 3, column \d+: /],
    ['twice.yaml', 'data:\n  label: a\n  label: b\n', /twice\.yaml: line 3, column 3: Map keys must be unique/],
    ['open.json', '{\n  "data": {\n    "source": "a"\n', /open\.json: line \d, column \d+: /],
    [
      'comment.json',
      '{\n  "data": {\n    // see http://example.org\n    "source": "a//b"\n  }\n}\n',
      /comment\.json: line 3, column 5: Expected JSON, which has no comments\. In YAML.* # begins one/,
    ],
    ['block.json', '{ "a": "/* no */", /* yes */ "b": 1 }', /block\.json: line 1, column 20: Expected JSON/],
    ['two.yaml', `${yaml}---\n${yaml}`, /two\.yaml: line 6, column 1: Expected one config a file, received a second/],
    ['empty.yaml', '', /empty\.yaml: Expected a section with keys, received null/],
    ['alias.yaml', 'data: *nothing\n', /alias\.yaml: .*nothing/],
    ['keys.yaml', yaml.replace('label', 'lable'), /keys\.yaml: Unknown key "lable" in data\. Did you mean "label"\?/],
  ])('%s is refused with its place', async (name, text, message) => {
    const path = write(name, text);
    expect((await failure('INVALID_CONFIG', () => loadConfig(path))).message).toMatch(message);
  });
});

describe('limits of the engine', () => {
  const optimizer = (options: object) => ({ training: { embeddingOptimizer: options } });
  const dense = (options: object) => ({ training: { denseOptimizer: options } });
  test.each<[string, object, RegExp]>([
    ['model.dim', { model: { dim: 1025 } }, /1024.*model\.dim/],
    ['teacher.dim', { teacher: { dim: 1025 } }, /1024.*teacher\.dim/],
    ['too many layers', { model: { top: [...new Array(32).fill(4), 1] } }, /32 entries.*model\.top/],
    ['a wide layer', { model: { top: [65_537, 1] } }, /65536.*model\.top\[0\]/],
    ['training.batchSize', { training: { batchSize: 2 ** 24 + 1 } }, /16777216.*training\.batchSize/],
    ['a learning rate', { compare: { tune: { learningRate: [1, 1e7] } } }, /1000000.*compare\.tune\.learningRate\[1\]/],
    ["the teacher's rate", { teacher: { learningRate: 2e6 } }, /1000000.*teacher\.learningRate/],
    ['compare.minRows', { compare: { minRows: 2 ** 32 + 1 } }, /4294967296.*compare\.minRows/],
    ['epsilon of tables', optimizer({ epsilon: 1e-21 }), /training\.embeddingOptimizer: .*1e-20.*epsilon/],
    ['weightDecay of tables', optimizer({ weightDecay: 1e7 }), /training\.embeddingOptimizer: .*weightDecay/],
    ['clipRowNorm', optimizer({ clipRowNorm: 1e21 }), /training\.embeddingOptimizer: .*clipRowNorm/],
    ['beta1 without Adam', optimizer({ kind: 'sgd', beta1: 0.5 }), /training\.embeddingOptimizer: .*"beta1"/],
    ['epsilon of the net', dense({ epsilon: 1e-31 }), /training\.denseOptimizer: .*1e-30.*epsilon/],
    ['weightDecay without LAMB', dense({ kind: 'sgd', weightDecay: 1 }), /training\.denseOptimizer: .*"weightDecay"/],
  ])('%s is refused with its key and the file', async (_, more, expected) => {
    const message = await refused(config(more));
    expect(message).toMatch(/^c\.yaml: /);
    expect(message).toMatch(expected);
  });

  test('more features than a net takes', async () => {
    const features = Array.from({ length: 1025 }, (_, f) => `f${f}`);
    expect(await refused(config({ data: { ...config().data, features } }))).toMatch(/1024 features for data\.features/);
  });

  test('a model at the limits can be made', () => {
    const { model, training } = parseConfig(
      config({
        model: { dim: 1024, top: [...new Array(31).fill(2), 1] },
        training: { batchSize: 2 ** 24, embeddingOptimizer: { epsilon: 1e-20, clipRowNorm: 1e20, weightDecay: 1e6 } },
      }),
    );
    using net = new Recommender({
      features: [{ name: 'user', cardinality: 2 }],
      dense: 0,
      dim: model.dim,
      topHidden: model.top.slice(0, -1),
      embeddingOptimizer: training.embeddingOptimizer,
      denseOptimizer: training.denseOptimizer,
    });
    expect(net.tables.outputWidth).toBe(1024);
  });
});
