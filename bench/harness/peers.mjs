// Who is measured beside the engine, each a process that speaks the line protocol.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Child } from './child.mjs';

const folder = fileURLToPath(new URL('./peers/', import.meta.url));
const script = (file, ...rest) => [process.execPath, `${folder}${file}`, ...rest];

// The first Python that has PyTorch: python3 on the path may be another than the system's.
function pytorch() {
  const python = ['python3', '/usr/bin/python3'].find(
    (program) => spawnSync(program, ['-c', 'import torch']).status === 0,
  );
  return python && [python, `${folder}pytorch.py`];
}

const COMMANDS = {
  pytorch,
  addon: () => script('addon.mjs'),
  javascript: () => script('javascript.mjs'),
  'tfjs wasm': () => script('tensorflow.mjs', 'tfjs wasm'),
  'tfjs cpu': () => script('tensorflow.mjs', 'tfjs cpu'),
};

/** A started peer, or undefined when it is not installed. */
export function startPeer(name) {
  const command = COMMANDS[name]();
  return command && new Child(name, command);
}
