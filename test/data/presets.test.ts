import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { loadConfig } from '../../lib/compare/config_file.ts';
import { openDataset } from '../../lib/data/dataset.ts';
import { flights } from '../../lib/data/presets.ts';
import { packageRoot } from '../../lib/native.ts';
import { failure } from './files.ts';

test('flights() is what examples/flights.yaml says', async () => {
  const { data } = await loadConfig(join(packageRoot, 'examples/flights.yaml'));
  const { source, ...written } = flights();
  expect(resolve(data.folder!, data.source as string)).toBe(source);
  expect(data).toMatchObject(written);
});

test('the flights of one hour can be opened', async () => {
  const hours = (from: number, to: number): string =>
    `date >= '2001-04-02 ${from}:00' and date < '2001-04-02 ${to}:00'`;
  const splits = { teacher: hours(10, 11), student: hours(11, 12), evaluation: hours(12, 13) };
  const data = await openDataset({ ...flights(), splits });
  expect(data.features.map((feature) => feature.name)).toEqual([
    'origin',
    'destination',
    'route',
    'origin_slot',
    'destination_slot',
    'route_hour',
    'hour',
    'weekday',
  ]);
  expect(data.split('evaluation').rows).toBeGreaterThan(500);
  expect(data.text(6, 0)).toMatch(/^1[01]$/);
  expect(data.text(7, 0)).toBe('1');
});

test.each(['movielens', 'tennis'])('examples/%s.yaml is a config; its data is asked for by name', async (name) => {
  const config = await loadConfig(join(packageRoot, `examples/${name}.yaml`));
  expect(config.data.folder).toBe(join(packageRoot, 'examples'));
  expect(config.model.bottom).toEqual([]);
  const folder = mkdtempSync(join(tmpdir(), 'collide-test-'));
  try {
    const error = await failure('DATA_SOURCE', () => openDataset({ ...config.data, folder }));
    expect(error.message).toMatch(/data\/(ratings\.parquet|matches\.csv\.gz)/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
