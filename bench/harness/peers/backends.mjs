// TensorFlow.js as it can be had here: the pure JavaScript and WebAssembly backends (devDependencies), and tfjs-node or
// tfjs-node-gpu when the user has one installed.
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** [{ name, tf, use }]: call use() before running anything on that backend. */
export async function backends() {
  const found = [];
  try {
    const tf = await import('@tensorflow/tfjs-core');
    await import('@tensorflow/tfjs-backend-cpu');
    const wasm = await import('@tensorflow/tfjs-backend-wasm');
    const manifest = createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm/package.json');
    wasm.setWasmPaths(join(dirname(manifest), 'dist', '/'));
    for (const backend of ['cpu', 'wasm']) {
      if (await tf.setBackend(backend)) found.push({ name: `tfjs ${backend}`, tf, use: () => tf.setBackend(backend) });
    }
  } catch (error) {
    console.log(`TensorFlow.js is left out: ${error instanceof Error ? error.message : error}`);
  }
  for (const name of ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node']) {
    try {
      const module = await import(name);
      const tf = module.default ?? module;
      found.push({ name: name.slice('@tensorflow/'.length), tf, use: () => tf.setBackend('tensorflow') });
      break;
    } catch {
      // An optional peer: absent on most machines.
    }
  }
  return found;
}
