/** Data configs for data sets that others publish. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { CollideError } from '../errors.ts';
import type { DataConfigInput } from './config.ts';

/**
 * Three million US domestic flights of January to June 2001 (Bureau of Transportation Statistics), from the npm package
 * vega-datasets: is a flight more than 15 minutes late? Split by time: the teacher learns from January to March, the
 * student from April and May, June evaluates. The same as examples/flights.yaml.
 *
 * @throws CollideError DATA_SOURCE with the install command, when the package is not there
 * @example
 * ```ts
 * const data = await openDataset(flights());
 * ```
 */
export function flights(): DataConfigInput {
  const slot = "dayofweek(date) || '-' || hour(date)";
  return {
    source: findFlights(),
    label: 'delay > 15',
    features: [
      'origin',
      'destination',
      { name: 'route', expr: "origin || '-' || destination" },
      { name: 'origin_slot', expr: `origin || '-' || ${slot}` },
      { name: 'destination_slot', expr: `destination || '-' || ${slot}` },
      { name: 'route_hour', expr: "origin || '-' || destination || '-' || hour(date)" },
      { name: 'hour', expr: 'hour(date)' },
      { name: 'weekday', expr: 'dayofweek(date)' },
    ],
    dense: [{ name: 'distance', expr: '(ln(distance) - 6.3) / 0.8' }],
    splits: {
      teacher: "date < '2001-04-01'",
      student: "date >= '2001-04-01' and date < '2001-06-01'",
      evaluation: "date >= '2001-06-01' and date < '2001-07-01'",
    },
    order: 'date',
  };
}

function findFlights(): string {
  const starts = [import.meta.url, pathToFileURL(join(process.cwd(), 'package.json')).href];
  for (const start of starts) {
    try {
      const entry = createRequire(start).resolve('vega-datasets');
      const file = join(dirname(dirname(entry)), 'data', 'flights-3m.parquet');
      if (existsSync(file)) return file;
    } catch {
      // not installed where this start can see it
    }
  }
  throw new CollideError(
    'DATA_SOURCE',
    'The flights data was not found: expected data/flights-3m.parquet of the npm package vega-datasets 3. Install it with: npm install --save-dev vega-datasets@3.2.1',
  );
}
