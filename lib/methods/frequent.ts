/**
 * The hottest ids own a row each, the others are hashed by `mixed` over the rest. Hot are those of the newest rows: counts
 * carry no label, and among the hottest of older rows are many that will hardly come again.
 */
import { byFallingCount } from '../clustering/mapping_layout.ts';
import { hashTables } from './hash_tables.ts';
import { recentCounts } from './learning/recent_counts.ts';
import type { CompressionMethod } from './method.ts';
import { compressedTables } from './table_rows.ts';

/** Share of the rows for hot ids where none is chosen. */
const HOT_SHARE = 0.5;

export const frequent: CompressionMethod = {
  name: 'frequent',
  needs: 'counts',
  choices({ features, settings, ...rows }) {
    const shapes = settings.hotShare.map((hotShare) => ({ hotShare }));
    return { shapes: compressedTables(features, rows).length === 0 ? shapes.slice(0, 1) : shapes, tables: [] };
  },
  build: (task) =>
    hashTables(task, async ({ feature, cardinality, rows }) => {
      const { recent, seed, signal, shape } = task;
      const hottest = await byFallingCount(await recentCounts(recent!, feature, cardinality, signal), signal);
      const hot = Math.min(Math.floor((shape.hotShare ?? HOT_SHARE) * rows), rows - 1);
      return { hashes: [{ kind: 'hot', rows, ids: hottest.slice(0, hot).sort(), tail: { kind: 'mixed', seed } }] };
    }),
};
