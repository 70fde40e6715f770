/** No compression: a row for every id. The reference of every comparison. */
import { Hashing } from '../pipeline/hashing.ts';
import type { CompressionMethod } from './method.ts';

export const full: CompressionMethod = {
  name: 'full',
  needs: 'nothing',
  role: 'whole',
  async build({ method, features, vocabulary, size, minRows, seed }) {
    const whole = features.map(({ name, cardinality }) => {
      return { name, cardinality, hashes: [{ kind: 'identity' as const }], combine: 'sum' as const };
    });
    return new Hashing(whole, { method, size, minRows, seed }, undefined, { vocabulary });
  },
};
