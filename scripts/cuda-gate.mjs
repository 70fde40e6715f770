// What scripts/cuda-check.mjs holds kernels to, as functions of text and bytes: so that test/cuda/gate.test.ts can show
// that each rule fails on a wrong kernel.
//
// A kernel is { name, own, architecture, registers, shared, stack, spilled, block, ptx, occupancy }: `name` is
// "file.cu: kernel<arguments>", `own` whether it is ours and not a library's, `ptx` its text.

/** What the field calls 50 %: below it there are too few threads to hide the latency of memory. */
const LEAST_OCCUPANCY = 50;
/** A fat binary may grow by a tenth before somebody has to look at it. */
const MOST_GROWTH = 1.1;
/** Kernels that gather rows, by name without template arguments, and the load that their PTX must contain. */
const WIDE = /\bld\.global\.nc\.v[48]\.f32\b/g;
const ROW_LOADS = { lookup: WIDE, step_runs: WIDE, sum_pieces: WIDE, product: WIDE };
/** Files whose kernels compute in float64, to the bits of the CPU learners. */
const CLUSTERING = /^(agglomerate|kd_tree|equal_mass|kmeans|id_mass|key_sort)/;

/** ptxas -v, kernel by kernel: [{ mangled, architecture, registers, shared, stack, spilled }]. */
export function parsePtxas(output) {
  const kernel =
    /Compiling entry function '(\S+)' for 'sm_(\d+)'\n.*Function properties for \1\n\s*(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads\n.*Used (\d+) registers(.*)/g;
  const found = [...output.matchAll(kernel)].map(
    ([, mangled, architecture, stack, stores, loads, registers, rest]) => ({
      mangled,
      architecture: Number(architecture),
      registers: Number(registers),
      shared: Number(/(\d+) bytes smem/.exec(rest)?.[1] ?? 0),
      stack: Number(stack),
      spilled: Number(stores) + Number(loads),
    }),
  );
  const compiled = output.split('Compiling entry function').length - 1;
  if (found.length !== compiled) throw new Error(`ptxas compiled ${compiled} kernels and told of ${found.length}`);
  return found;
}

/** PTX, kernel by kernel: Map mangled -> { block, ptx }. `block`: threads, 0 when the kernel does not say. */
export function parsePtx(text) {
  const kernels = new Map();
  for (const body of text.split(/^(?:\.visible |\.weak )?\.entry /m).slice(1)) {
    const mangled = body.match(/^\w*/)?.[0];
    const size = /\.(?:maxntid|reqntid) (\d+), (\d+), (\d+)/.exec(body);
    kernels.set(mangled, { block: size?.slice(1).reduce((product, n) => product * Number(n), 1) ?? 0, ptx: body });
  }
  return kernels;
}

/** { name: "file.cu: kernel<arguments>", own } of a demangled name. */
export function kernelName(file, demangled) {
  const plain = demangled.replaceAll('(anonymous namespace)::', '').replace(/^void /, '');
  let depth = 0;
  let end = 0;
  for (; end < plain.length && !(plain[end] === '(' && depth === 0); end++) {
    depth += plain[end] === '<' ? 1 : plain[end] === '>' ? -1 : 0;
  }
  const name = `${file}: ${plain.slice(0, end).replaceAll(/\b(collide|cuda)::/g, '')}`;
  return { name, own: plain.startsWith('collide::') };
}

/**
 * Whether each rule holds of one kernel for one architecture: [{ ok, what }]. allowed: { rule: reason }, the baseline's
 * exceptions; stack and spills have none.
 */
export function checkKernel(kernel, allowed = {}) {
  const { name, architecture, registers, shared, stack, spilled, block, occupancy, own, ptx } = kernel;
  const where = `${name}, sm_${architecture}`;
  const spills = `${where}: ${stack} bytes of stack, ${spilled} spilled`;
  const results = [{ ok: stack === 0 && spilled === 0 && registers > 0, what: spills }];
  if (!own) return results;
  const rule = (key, ok, what) => {
    const reason = allowed[key];
    results.push({ ok: ok || reason !== undefined, what: `${where}: ${what}${reason ? ` (allowed: ${reason})` : ''}` });
  };
  const count = (pattern) => ptx.match(pattern)?.length ?? 0;
  const [, file, short] = /^(.*?): ([^<]*)/.exec(name) ?? [];
  rule('block', block > 0, `${block} threads a block, named by __launch_bounds__`);
  const needs = `${registers} registers, ${shared} bytes shared`;
  rule('occupancy', occupancy >= LEAST_OCCUPANCY, `${needs}, occupancy ${occupancy} %`);
  const fused = count(/\bfma\.|\bmad\.(rn|f32|f64)/g);
  rule('fused', fused === 0, `${fused} contracted multiply-adds`);
  if (!CLUSTERING.test(file)) {
    const doubles = count(/^\s*(@!?%p\d+ )?(?!ld|st|mov)\w[\w.]*\.f64\b/gm);
    rule('float64', doubles === 0, `${doubles} float64 instructions`);
  }
  if (ROW_LOADS[short] !== undefined) {
    const loads = count(ROW_LOADS[short]);
    rule('rowLoads', loads > 0, `${loads} read-only row loads of 16 bytes`);
  }
  return results;
}

/** What the baseline keeps of kernels: { name: { block, sm_75: "registers shared occupancy", ... } }, sorted by name. */
export function summary(kernels) {
  const all = {};
  for (const kernel of kernels.filter(({ own }) => own).sort((a, b) => a.architecture - b.architecture)) {
    all[kernel.name] ??= { block: kernel.block };
    const { architecture, registers, shared, occupancy } = kernel;
    all[kernel.name][`sm_${architecture}`] = { registers, shared, occupancy };
  }
  return Object.fromEntries(Object.entries(all).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The kernels beside the baseline's: nothing may get worse, appear or go without the baseline being made anew. */
export function checkBaseline(now, baseline) {
  const results = [];
  const again = 'after a look, `npm run check:cuda -- --update`';
  for (const name of new Set([...Object.keys(now), ...Object.keys(baseline)])) {
    if (baseline[name] === undefined || now[name] === undefined) {
      const where = now[name] === undefined ? 'in the baseline and not compiled' : 'compiled and not in the baseline';
      results.push({ ok: false, what: `${name} is ${where}; ${again}` });
      continue;
    }
    const worse = Object.keys({ ...now[name], ...baseline[name] }).filter((key) => {
      const [is, was] = [now[name][key], baseline[name][key]];
      if (key === 'block') return is !== was;
      return !(is?.registers <= was?.registers && is.shared <= was.shared && is.occupancy >= was.occupancy);
    });
    const told = worse.map(
      (key) => ` ${key} ${JSON.stringify(baseline[name][key])} -> ${JSON.stringify(now[name][key])}`,
    );
    results.push({
      ok: worse.length === 0,
      what: `${name} against the baseline${told}${told.length > 0 ? `; ${again}` : ''}`,
    });
  }
  return results;
}

export function checkSize(bytes, baseline) {
  const most = Math.floor(baseline * MOST_GROWTH);
  return [
    {
      ok: bytes > 0 && bytes <= most,
      what: `fat binary of ${bytes} bytes, at most ${most} (a tenth above the baseline)`,
    },
  ];
}

/** What the fat binaries in a section hold: [{ kind: 'ptx' | 'machine', architecture }], without repetition, sorted. */
export function fatBinaryParts(section) {
  const parts = new Set();
  for (let at = 0; at + 16 <= section.length; ) {
    if (section.readUInt32LE(at) !== 0xba55ed50) {
      at += 8; // padding
      continue;
    }
    const end = at + section.readUInt16LE(at + 6) + Number(section.readBigUInt64LE(at + 8));
    for (at += section.readUInt16LE(at + 6); at < end; ) {
      parts.add(`${section.readUInt16LE(at) === 1 ? 'compute' : 'sm'}_${section.readUInt32LE(at + 28)}`);
      at += section.readUInt32LE(at + 4) + Number(section.readBigUInt64LE(at + 8));
    }
  }
  return [...parts].sort();
}
