// The commands as a user runs them: the compiled program in a child process. `npm test` compiles before it tests.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readNpy, writeNpy, writeSafetensors } from '../../lib/files/index.ts';
import { probeCuda } from '../../lib/native.ts';
import { Hashing } from '../../lib/pipeline/hashing.ts';
import { PROGRAM as program } from '../addon/dist.ts';

const folder = mkdtempSync(join(tmpdir(), 'collide-cli-'));
const at = (name: string) => join(folder, name);
const collide = (...args: string[]) =>
  spawnSync(process.execPath, [program, ...args], { encoding: 'utf8', cwd: folder });

const CONFIG = `
data:
  source: clicks.csv
  label: clicked
  features: [item, { name: tags, expr: "string_split(tags, '|')" }]
  dense: [age / 50.0]
  splits: { teacher: "day < 4", student: "day between 4 and 7", evaluation: "day >= 8" }
model: { dim: 4, bottom: [4, 4], top: [8, 1] }
compare: { methods: [full, modulo, auto], sizes: [0.2], minRows: 50, seeds: 1, tune: { learningRate: [0.1], maxEpochs: 1 } }
`;

beforeAll(() => {
  const lines = ['day,item,tags,age,clicked'];
  for (let i = 0; i < 4000; i++) {
    const item = (i * 7919) % 200;
    lines.push(
      `${Math.floor(i / 400)},i${item},${item % 3}|${item % 5},${20 + (i % 40)},${(item * 31 + i) % 7 < 3 ? 1 : 0}`,
    );
  }
  writeFileSync(at('clicks.csv'), `${lines.join('\n')}\n`);
  writeFileSync(at('config.yaml'), CONFIG);
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('collide', () => {
  it('doctor prints what the installation can do', () => {
    const { status, stdout } = collide('doctor');
    expect(status).toBe(0);
    for (const fact of ['addon', 'cuda', 'blas', 'threads', 'node-api'])
      expect(stdout).toMatch(new RegExp(`^${fact} +\\S`, 'm'));
  });

  it('compare prints a table and writes results and report; report renders them again', () => {
    const { status, stdout, stderr } = collide(
      'compare',
      'config.yaml',
      '--json',
      'results.json',
      '--html',
      'report.html',
    );
    expect(stderr).not.toContain('[');
    expect(status).toBe(0);
    expect(stdout).toContain('auto');
    const { results, config } = JSON.parse(readFileSync(at('results.json'), 'utf8'));
    expect(results.map((r: { method: string }) => r.method)).toEqual(['full', 'modulo', 'auto']);
    expect(config.model.dim).toBe(4);
    expect(readFileSync(at('report.html'), 'utf8')).toContain('<svg');
    const again = collide('report', 'results.json', '--html', 'again.html');
    expect(again.status).toBe(0);
    expect(readFileSync(at('again.html'), 'utf8')).toBe(readFileSync(at('report.html'), 'utf8'));
    const resumed = collide('compare', 'config.yaml', '--json', 'results.json', '--resume');
    expect(resumed.status).toBe(0);
    expect(resumed.stderr).not.toContain('seed 1');
  });

  it('compare loses none of the results in its file when a resumed run is interrupted', async () => {
    expect(collide('compare', 'config.yaml', '--json', 'partial.json').status).toBe(0);
    const read = () => JSON.parse(readFileSync(at('partial.json'), 'utf8'));
    const earlier = read();
    // The results known are those of the last of very many seeds: the run is interrupted long before their turn.
    writeFileSync(at('long.yaml'), CONFIG.replace('seeds: 1', 'seeds: 1000'));
    earlier.config.compare.seeds = 1000;
    for (const result of earlier.results) result.seed = 1000;
    writeFileSync(at('partial.json'), JSON.stringify(earlier));
    const args = ['compare', 'long.yaml', '--json', 'partial.json', '--resume'];
    const child = spawn(process.execPath, [program, ...args], { cwd: folder, stdio: 'ignore' });
    const exit = once(child, 'exit');
    while (child.exitCode === null && read().results[0].seed !== 1) await setTimeout(20);
    child.kill('SIGINT');
    expect((await exit)[0]).not.toBe(0);
    const { results } = read();
    expect(results[0]).toMatchObject({ method: 'full', seed: 1 });
    expect(results.slice(-3)).toEqual(earlier.results);
  });

  it('compare refuses to go on with results of other data, and leaves them as they are', () => {
    expect(collide('compare', 'config.yaml', '--json', 'changed.json').status).toBe(0);
    const before = readFileSync(at('changed.json'), 'utf8');
    const clicks = readFileSync(at('clicks.csv'), 'utf8');
    writeFileSync(at('clicks.csv'), clicks.split('\n').slice(0, -100).join('\n'));
    try {
      const { status, stderr } = collide('compare', 'config.yaml', '--json', 'changed.json', '--resume');
      expect(status).toBe(2);
      expect(stderr).toMatch(/the same data.*rows of split evaluation: 701 now, 800 then.*\[FILE_FORMAT\]/s);
    } finally {
      writeFileSync(at('clicks.csv'), clicks);
    }
    expect(readFileSync(at('changed.json'), 'utf8')).toBe(before);
  });

  it('train says which tables stayed whole, also when all did', () => {
    writeFileSync(at('whole.yaml'), CONFIG.replace('minRows: 50', 'minRows: 500'));
    const { stdout, stderr, status } = collide('train', 'whole.yaml', '--out', 'whole');
    expect(status).toBe(0);
    const { tables, warnings } = JSON.parse(stdout);
    expect(tables).toEqual({ compressed: [], whole: ['item', 'tags'] });
    const text = 'Nothing was compressed: every table is below minRows 500 (item (201 ids), tags (6 ids))';
    const useless = expect.stringContaining('No better than always predicting the label rate');
    expect(warnings).toEqual([expect.stringContaining(text), useless]);
    expect(stderr).toContain(`warning: ${text}`);
  });

  it('train saves teacher, mapping and student; cluster and export take them from there', async () => {
    const hotShare = async () => (await Hashing.load(at('model/mapping.safetensors'))).manifest.details!.hotShare;
    const given = collide('train', 'config.yaml', '--size', '0.2', '--hot-share', '0.3', '--out', 'model');
    expect(given.status).toBe(0);
    expect(await hotShare()).toBe(0.3);
    const train = collide('train', 'config.yaml', '--size', '0.2', '--out', 'model');
    expect(train.stderr).not.toContain('collide:');
    expect(train.status).toBe(0);
    const { auc, devices, chosen, tables, warnings } = JSON.parse(train.stdout);
    expect(tables).toEqual({ compressed: ['item'], whole: ['tags'] });
    expect(warnings).toEqual([expect.stringContaining('No better than always predicting the label rate')]);
    expect(auc).toBeGreaterThan(0);
    expect(devices).toEqual({ tables: 'cpu', net: 'cpu' });
    expect([0, 0.5, 0.75, 0.9, 1]).toContain(chosen.hotShare);
    expect(chosen).toMatchObject({
      hotShare: await hotShare(),
      crossFit: expect.any(Boolean),
      parts: expect.any(Number),
    });
    expect(readdirSync(at('model')).sort()).toEqual(['mapping.safetensors', 'student', 'teacher.safetensors']);
    const cluster = collide(
      'cluster',
      'model/teacher.safetensors',
      '--min-rows',
      '50',
      '--size',
      '0.1',
      '--out',
      'm.safetensors',
    );
    expect(cluster.status).toBe(0);
    const exported = collide('export', 'm.safetensors', '--feature', 'item', '--out', 'item.csv');
    expect(exported.status).toBe(0);
    const [header, ...rows] = readFileSync(at('item.csv'), 'utf8').trim().split('\n');
    expect(header).toBe('id,row,value,kind');
    expect(rows.length).toBe(201); // 200 items and the row of unseen ones
    expect(Math.max(...rows.map((line) => Number(line.split(',')[1])))).toBeLessThan(21);
  });

  it('clusters vectors made elsewhere, into every format', async () => {
    const ids = 500;
    const vectors = Float32Array.from({ length: 2 * ids }, (_, k) => ((k * 7919) % 1009) / 1009);
    const counts = BigInt64Array.from({ length: ids }, (_, id) => BigInt(1 + (id % 9)));
    await writeNpy(at('movie.npy'), vectors, [ids, 2]);
    await writeNpy(at('seen.npy'), counts, [ids]);
    const teacher = {
      'movie.vectors': { shape: [ids, 2], data: vectors },
      'movie.counts': { shape: [ids], data: counts },
    };
    await writeSafetensors(at('teacher.safetensors'), teacher);
    const given = ['movie.npy', '--counts', 'seen.npy', '--size', '0.1'];
    for (const method of ['k-means', 'lsh']) {
      const { status, stderr, stdout } = collide('cluster', ...given, '--method', method, '--out', `${method}.npy`);
      expect([stderr.includes('collide:'), status]).toEqual([false, 0]);
      expect(stdout).toContain('50 rows');
      const { data, shape, dtype } = await readNpy(at(`${method}.npy`));
      expect([dtype, shape, new Set(data as Int32Array).size]).toEqual(['I32', [ids], 50]);
    }
    expect(
      collide('cluster', 'teacher.safetensors', '--size', '0.1', '--method', 'lsh', '--out', 'm.safetensors').status,
    ).toBe(0);
    const digest = createHash('sha256')
      .update(readFileSync(at('lsh.npy')))
      .digest('hex');
    // Standard output as a pipe, as a shell makes it: the header and the ids, nothing else.
    const shell = `'${process.execPath}' '${program}' export m.safetensors --feature movie --out /dev/stdout | cat`;
    const piped = spawnSync('sh', ['-c', shell], { encoding: 'utf8', cwd: folder });
    expect(piped.stdout.trim().split('\n')).toHaveLength(501);
    expect(piped.stderr).toContain('wrote /dev/stdout: 500 ids');
    const exported = collide('export', 'm.safetensors', '--feature', 'movie', '--out', 'a.npy');
    expect(exported.stdout).toBe(
      `wrote a.npy: 500 ids, without values, which the mapping does not know, sha256 ${digest}\n`,
    );
    expect(readFileSync(at('a.npy'))).toEqual(readFileSync(at('lsh.npy')));
    expect(collide('export', 'm.safetensors', '--feature', 'movie', '--out', 'a.parquet').status).toBe(0);
    expect(readFileSync(at('a.parquet')).subarray(0, 4).toString()).toBe('PAR1');
    const planned = collide(
      'cluster',
      'teacher.safetensors',
      '--budget',
      '3000',
      '--dim',
      '8',
      '--sensitivity',
      'movie=2.5',
      '--out',
      'm.safetensors',
    );
    expect(planned.stdout).toMatch(
      /^movie: \d+ rows for 500 ids, (2\d{3}|3000) bytes, sensitivity 2\.500, error \d\S*\nplanned: \d+ bytes, error \d\S*\none share for all, \d\S* %: \d+ bytes, error \d/,
    );
    const knobs = ['--frequency', 'filter', '--merges-per-round', '7', '--max-cluster-size', '90'];
    expect(collide('cluster', ...given, ...knobs, '--out', 'knobs.parquet').stdout).toContain('50 rows');
    for (const [code, ...args] of [
      ['INVALID_ARGUMENT', ...given, '--frequency', 'filters', '--out', 'x.npy'],
      ['INVALID_ARGUMENT', ...given, '--rotate', '--out', 'x.npy'], // of the kd-tree
      ['INVALID_ARGUMENT', ...given, '--out', 'x.parqet'],
      ['INVALID_ARGUMENT', ...given, '--hashes', '2', '--out', 'x.npy'], // two tables
      ['INVALID_ARGUMENT', ...given, '--budget', '9000', '--out', 'x.npy'], // beside --size
      ['INVALID_ARGUMENT', ...given, '--dim', '8', '--out', 'x.npy'], // of the budget
      ['INVALID_ARGUMENT', ...given, '--min-rows', '501', '--method', 'foo', '--hashes', '3', '--out', 'x.npy'],
      ['INVALID_ARGUMENT', ...given.slice(0, 3), '--budget', '9000', '--sensitivity', 'movie=much', '--out', 'x.npy'],
      ['FILE_FORMAT', 'seen.npy', '--counts', 'seen.npy', '--out', 'x.npy'],
    ]) {
      const { status, stderr } = collide('cluster', ...args);
      expect([stderr.match(/\[([A-Z_]+)\]/)?.[1], status]).toEqual([code, 2]);
    }
    expect(existsSync(at('x.npy'))).toBe(false);
    const whole = collide('cluster', ...given, '--min-rows', '501', '--out', 'whole.npy');
    expect(whole.stdout).toContain('nothing was compressed; whole, with fewer ids than minRows 501: movie (500 ids)');
  });

  it('ends with code 2 and one line that says what is wrong', () => {
    writeFileSync(at('misspelt.yaml'), CONFIG.replace('minRows', 'minrows'));
    writeFileSync(at('column.yaml'), CONFIG.replace('features: [item', 'features: [itm'));
    writeFileSync(at('empty.yaml'), CONFIG.replace('day >= 8', 'day >= 80'));
    writeFileSync(at('missing.yaml'), CONFIG.replace('clicks.csv', 'absent.csv'));
    writeFileSync(at('label.yaml'), CONFIG.replace('label: clicked', 'label: age'));
    for (const [name, code, hint] of [
      ['misspelt.yaml', 'INVALID_CONFIG', 'minRows'],
      ['column.yaml', 'DATA_SQL', 'itm'],
      ['empty.yaml', 'EMPTY_SPLIT', 'evaluation'],
      ['missing.yaml', 'DATA_SOURCE', 'absent.csv'],
      ['label.yaml', 'INVALID_LABEL', '20'],
      ['nowhere.yaml', 'FILE_IO', 'nowhere.yaml'],
    ] as const) {
      const { status, stderr } = collide('compare', name, '--json', 'never.json');
      expect([name, status]).toEqual([name, 2]);
      expect(stderr).toContain(`[${code}]`);
      expect(stderr).toContain(hint);
    }
    expect(existsSync(at('never.json'))).toBe(false);
  });

  it('takes --device wherever it trains or clusters', async () => {
    await writeNpy(
      at('v.npy'),
      Float32Array.from({ length: 40 }, (_, id) => id % 7),
      [40, 1],
    );
    await writeNpy(at('c.npy'), new BigInt64Array(40).fill(1n), [40]);
    const cluster = ['cluster', 'v.npy', '--counts', 'c.npy', '--size', '0.1', '--out', 'v.csv'];
    const refusals = [
      ['INVALID_ARGUMENT', 'compare', 'config.yaml', '--device', 'gpu'],
      ['NOT_SUPPORTED', ...cluster, '--method', 'lsh', '--device', 'cuda'],
    ];
    if (!probeCuda().available) {
      for (const command of [
        ['compare', 'config.yaml'],
        ['train', 'config.yaml', '--out', 'never'],
        ['demo'],
        cluster,
      ]) {
        refusals.push(['CUDA_UNAVAILABLE', ...command, '--device', 'cuda']);
      }
    }
    for (const [code, ...args] of refusals) {
      const { status, stderr } = collide(...args);
      expect([args[0], stderr.match(/\[([A-Z_]+)\]/)?.[1], status]).toEqual([args[0], code, 2]);
    }
    expect(existsSync(at('never'))).toBe(false);
    expect(collide(...cluster, '--method', 'lsh', '--device', 'auto').status).toBe(0);
  });

  it('names the option that was meant', () => {
    const { status, stderr } = collide('compare', 'config.yaml', '--jsn', 'x.json');
    expect(status).toBe(2);
    expect(stderr).toContain('--json');
    expect(collide('comparre').status).toBe(2);
    for (const text of ['abc', '10%', '']) {
      const { status, stderr } = collide('cluster', 'v.npy', '--out', 'm.safetensors', '--size', text);
      expect([status, stderr]).toEqual([
        2,
        `error: option '--size <share>' argument '${text}' is invalid. Expected a number.\n`,
      ]);
    }
    expect(collide('--help').status).toBe(0);
  });
});
