/** Storages of rows beside hashed internal tables, by name. */
import { Registry } from '../../registry.ts';
import { mixedDimension } from './mixed_dimension.ts';
import type { RowSource } from './row_source.ts';

/** All row sources: those of this package, and those that a program adds. */
export const rowSources = new Registry<RowSource>('row source', [mixedDimension]);
