/** What results.json says beside the results: of which data, with which config, on which machine. */
import { cpus, totalmem } from 'node:os';
import type { Dataset } from '../data/types.ts';
import { targetRows } from '../methods/table_rows.ts';
import { buildInfo } from '../native.ts';
import { PACKAGE_VERSION } from '../version.ts';
import type { CompareConfig } from './config.ts';
import { describeDevices, type UsedDevices } from './plan.ts';
import type { Comparison } from './results.ts';
import { recordedConfig } from './resume.ts';
import { labelRate } from './warnings.ts';

/** Everything of a comparison that is known before its results. */
export function describeComparison(
  config: CompareConfig,
  data: Dataset,
  devices: ReadonlyMap<string, UsedDevices>,
  fingerprint: string,
): Omit<Comparison, 'results' | 'failed' | 'notes'> {
  const { source, query, label } = config.data;
  const { blas, threads } = buildInfo();
  const smallest = Math.min(...config.compare.sizes);
  return {
    version: PACKAGE_VERSION,
    config: recordedConfig(config),
    machine: {
      processor: cpus()[0]?.model.trim() ?? 'unknown',
      threads: config.training.threads ?? threads,
      memoryGiB: Math.round(totalmem() / 2 ** 30),
      node: process.version,
      denseProducts: blas,
      device: describeDevices(devices),
    },
    data: {
      source: query ?? [source ?? ''].flat().join(', '),
      label,
      idOrder: data.idOrder,
      features: data.features.map(({ name, cardinality }) => ({
        name,
        cardinality,
        compressed: targetRows(cardinality, { size: smallest, minRows: config.compare.minRows }) < cardinality,
      })),
      dense: [...data.dense],
      splits: data.splits.map((name) => {
        const split = data.split(name);
        return { name, rows: split.rows, labelRate: labelRate(split) };
      }),
      fingerprint,
    },
  };
}
