// Measures one workload: sets up the engine and the peers, checks that all compute the same, and runs the rounds.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Child } from './child.mjs';
import { startPeer } from './peers.mjs';
import { interleave } from './rounds.mjs';

// The engine's sum of magnitudes bounds what float32 sums in another order may differ by.
function checkPeer(name, notes, engine) {
  const difference = Math.abs(Number(notes.checksum) - Number(engine['checksum.identity']));
  if (!(difference <= 1e-6 * Number(engine['size.identity']))) {
    throw new Error(
      `${name} computes something else: checksum ${notes.checksum}, the engine's ${engine['checksum.identity']}`,
    );
  }
}

/**
 * { times: { 'PROCESS CASE': [{ wall, cpu }] by round, seconds per batch }, notes: { PROCESS: {...} } }. A peer that is
 * not installed is left out, and named in `missing`.
 */
export async function measure(program, { settings, peers }, { threads, rounds, seconds }) {
  const folder = mkdtempSync(join(tmpdir(), 'collide-bench-'));
  const file = join(folder, 'workload');
  const children = [new Child('engine', [program])];
  const missing = [];
  try {
    const [engine] = children;
    const { cases, notes } = await engine.setup({ threads, ...settings });
    const entries = cases.map((name) => ({ key: `engine ${name}`, child: engine, name }));
    const allNotes = { engine: notes };
    if (peers.length > 0) await engine.ask(`write ${file}`);
    for (const name of peers) {
      const child = startPeer(name);
      if (child === undefined) {
        missing.push(name);
        continue;
      }
      children.push(child);
      const ready = await child.setup({ threads, file });
      checkPeer(name, ready.notes, notes);
      allNotes[name] = ready.notes;
      entries.push(...ready.cases.map((one) => ({ key: `${name} ${one}`, child, name: one })));
    }
    const times = await interleave(entries, { rounds, seconds, batches: Number(notes.batches) });
    return { times: Object.fromEntries(times), notes: allNotes, missing };
  } finally {
    await Promise.all(children.map((child) => child.close()));
    rmSync(folder, { recursive: true, force: true });
  }
}
