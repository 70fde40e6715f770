/** What results.json says beside the results: of which data, with which config, on which machine. */
import { cpus, totalmem } from 'node:os';
import type { Dataset } from '../data/types.ts';
import { buildInfo } from '../native.ts';
import { PACKAGE_VERSION } from '../version.ts';
import type { CompareConfig } from './config.ts';
import { describePlaces, type Placement } from './placement.ts';
import type { Comparison } from './results.ts';
import { targetRows } from './table_rows.ts';

/** Everything of a comparison but its results. */
export function describeComparison(
  config: CompareConfig,
  data: Dataset,
  places: ReadonlyMap<string, Placement>,
  notes: string[],
): Omit<Comparison, 'results'> {
  // The folder is one of this machine; what it was does not change the results.
  const { folder: _, ...dataConfig } = config.data;
  const { source, query, label } = dataConfig;
  const { blas, threads } = buildInfo();
  const largest = Math.max(...config.compare.sizes);
  return {
    version: PACKAGE_VERSION,
    config: { ...config, data: dataConfig },
    machine: {
      processor: cpus()[0]?.model.trim() ?? 'unknown',
      threads: config.training.threads ?? threads,
      memoryGiB: Math.round(totalmem() / 2 ** 30),
      node: process.version,
      denseProducts: blas,
      device: describePlaces(places),
    },
    data: {
      source: query ?? [source ?? ''].flat().join(', '),
      label,
      idOrder: data.idOrder,
      features: data.features.map(({ name, cardinality }) => ({
        name,
        cardinality,
        compressed: targetRows(cardinality, { size: largest, minRows: config.compare.minRows }) < cardinality,
      })),
      dense: [...data.dense],
      splits: data.splits.map((name) => {
        const { rows, labels } = data.split(name);
        return { name, rows, labelRate: labels.reduce((sum, value) => sum + value, 0) / rows };
      }),
    },
    notes,
  };
}
