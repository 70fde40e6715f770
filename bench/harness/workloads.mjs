// What is measured: each entry is one setup of the measuring program, and of peers beside it in the same rounds.
// settings: those of main.cc's setup; peers: names of peers.mjs.

const name = ({ tables, width, batch, pooling }) => `tables=${tables} width=${width} batch=${batch} pooling=${pooling}`;

const ALL_KINDS = 'identity,learned,modulo,identity-counted,learned-counted';

/** Issue's grid: the fractions of the machine's limits. */
function grid() {
  const all = [];
  for (const tables of [26, 100]) {
    for (const width of [64, 16]) {
      for (const batch of [2048, 8192]) {
        for (const pooling of [20, 1]) {
          const kinds = tables === 26 ? ALL_KINDS : 'identity,learned';
          const settings = { tables, width, batch, pooling, kinds };
          const peers = tables === 26 && width === 64 && batch === 2048 ? ['pytorch', 'addon'] : [];
          all.push({ name: name(settings), group: 'fractions', settings, peers });
        }
      }
    }
  }
  return all;
}

/** TensorFlow.js takes seconds per batch and holds at most 2 GiB: fewer and smaller tables, the same ones for all. */
function small() {
  return [20, 1].map((pooling) => {
    const settings = { tables: 8, width: 64, batch: 2048, pooling, least: 10_000, most: 200_000, kinds: 'identity' };
    return {
      name: `javascript ${name(settings)}`,
      group: 'javascript',
      settings,
      peers: ['tfjs wasm', 'tfjs cpu', 'javascript'],
    };
  });
}

/** One size at a time over orders of magnitude: the cost per id should stay that of the limit. */
function scaling() {
  const point = (axis, value, settings) => {
    const shape = { width: 64, pooling: 20, kinds: 'identity', ...settings };
    const ids = shape.tables * shape.batch * shape.pooling;
    const batches = Math.max(2, Math.min(64, Math.round(2 ** 21 / ids)));
    return { name: `${axis}=${value}`, group: 'scaling', axis, value, settings: { ...shape, batches }, peers: [] };
  };
  const one = (rows) => ({ least: rows, most: rows });
  return [
    ...[1024, 2048, 4096, 8192, 16_384, 32_768, 65_536].map((batch) =>
      point('batch', batch, { tables: 10, batch, ...one(1_000_000) }),
    ),
    ...[1, 2, 5, 10, 20, 50, 100, 200].map((tables) =>
      point('tables', tables, { tables, batch: 2048, ...one(100_000) }),
    ),
    ...[10_000, 100_000, 1_000_000, 10_000_000, 50_000_000].map((rows) =>
      point('rows', rows, { tables: 1, batch: 16_384, ...one(rows) }),
    ),
  ];
}

export const workloads = () => [...grid(), ...small(), ...scaling()];

/** One of each group, tiny: whether everything runs. */
export const quickWorkloads = () => {
  const settings = { tables: 3, width: 16, batch: 64, pooling: 2, least: 100, most: 1000, batches: 2 };
  return [
    {
      name: 'quick',
      group: 'fractions',
      settings: { ...settings, kinds: ALL_KINDS },
      peers: ['addon'],
    },
    { name: 'quick javascript', group: 'javascript', settings, peers: ['javascript'] },
    { ...scaling()[0], settings: { ...settings, kinds: 'identity' } },
  ];
};

/** Bytes that the engines of a workload need for rows, roughly: whether it fits is asked before it runs. */
export function tableBytes({ tables, width, least = 10_000, most = 2_000_000, kinds = 'identity,learned' }) {
  const rows = least === most ? least : (most - least) / Math.log(most / least);
  const perId = (kind) => {
    const floats = kind.endsWith('-counted') ? 2 : width + 1; // those that count have no rows of their own
    return (kind.startsWith('identity') ? 1 : 0.1) * floats * 4;
  };
  return tables * rows * (kinds.split(',').reduce((sum, kind) => sum + perId(kind), 0) + 4);
}
