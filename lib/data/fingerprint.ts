/**
 * A fingerprint of a data set's content: results of one must not be taken for results of another. O(bytes of the data
 * set), about a second a gigabyte; other events get a turn every 4 MB.
 */
import { createHash } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import { throwIfAborted } from '../errors.ts';
import type { Dataset } from './types.ts';

const PIECE = 4 << 20;

/**
 * SHA-256 over feature names and cardinalities, dense columns, and labels, dense values, ids and offsets of every split, as
 * `sha256:` and 64 hexadecimal digits. The same data give the same on every (little-endian) machine.
 *
 * @throws CollideError ABORTED, CLOSED
 * @example
 * ```ts
 * (await fingerprint(data)) === (await fingerprint(again)); // nothing has changed
 * ```
 */
export async function fingerprint(data: Dataset, options: { signal?: AbortSignal } = {}): Promise<string> {
  const hash = createHash('sha256');
  const { features, dense } = data;
  const splits = data.splits.map((name) => data.split(name));
  // Shapes come first, so that no two data sets give the same bytes.
  const shapes = {
    features: features.map(({ name, cardinality, list, outOfVocabulary }) => [
      name,
      cardinality,
      list,
      outOfVocabulary,
    ]),
    dense,
    splits: splits.map(({ name, rows }) => [name, rows]),
    ids: splits.map((split) => features.map((_, f) => split.ids(f).ids.length)),
  };
  hash.update(JSON.stringify(shapes));
  const add = async (array: Float32Array | Uint32Array) => {
    const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
    for (let at = 0; at < bytes.length; at += PIECE) {
      hash.update(bytes.subarray(at, at + PIECE));
      if (bytes.length < PIECE) continue;
      await turn();
      throwIfAborted(options.signal);
    }
  };
  for (const split of splits) {
    await add(split.labels);
    await add(split.dense);
    for (const f of features.keys()) {
      const { ids, offsets } = split.ids(f);
      await add(ids);
      if (offsets !== null) await add(offsets);
    }
    await turn();
    throwIfAborted(options.signal);
  }
  return `sha256:${hash.digest('hex')}`;
}
