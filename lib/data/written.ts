/** The SQL expressions of a config as they are written, with the place each stands in. */
import type { CheckedConfig } from './config.ts';
import { quoteName } from './engine.ts';
import { splitNames } from './types.ts';

/** An expression of the config. */
export interface Written {
  /** What it is, for messages: `feature "route"`. */
  where: string;
  name: string;
  /** As it is written; the quoted name of a plain column. */
  written: string;
  role: 'label' | 'feature' | 'dense' | 'split' | 'order';
  /** A feature that is the column of its name. */
  plain: boolean;
}

/** Every expression of a config, in the order in which mistakes are reported. */
export function listExpressions(config: CheckedConfig): Written[] {
  const of = (
    role: Written['role'],
    entry: string | { name: string; expr: string },
    where: (name: string) => string,
  ) => {
    const { name, expr } = typeof entry === 'string' ? { name: entry, expr: entry } : entry;
    const plain = role === 'feature' && typeof entry === 'string';
    return { where: where(name), name, written: plain ? quoteName(name) : expr, role, plain };
  };
  return [
    of('label', { name: 'label', expr: config.label }, () => 'data.label'),
    ...config.features.map((entry) => of('feature', entry, (name) => `feature "${name}"`)),
    ...config.dense.map((entry) => of('dense', entry, (name) => `dense column "${name}"`)),
    ...splitNames.flatMap((name) => {
      const expr = config.splits[name];
      return expr === undefined ? [] : [of('split', { name, expr }, () => `data.splits.${name}`)];
    }),
    ...[config.order ?? []].flat().map((expr) => of('order', { name: 'order', expr }, () => 'data.order')),
  ];
}
