/** First values of a dense net, written plainly: native/core/dense/init.h has the definition. */
import { layoutOf, type Shape } from './reference.ts';

const MASK = (1n << 64n) - 1n;

/** The generator of native/core/support/random.h. */
function mix64(value: bigint): bigint {
  let x = (value + 0x9e3779b97f4a7c15n) & MASK;
  x = ((x ^ (x >> 30n)) * 0xbf58476d1ce4e5b9n) & MASK;
  x = ((x ^ (x >> 27n)) * 0x94d049bb133111ebn) & MASK;
  return x ^ (x >> 31n);
}

function uniform(seed: number, n: number): number {
  return Number(mix64(BigInt(seed) ^ mix64(BigInt(n))) >> 40n) / 2 ** 24;
}

function normal(seed: number, n: number): number {
  return Math.sqrt(-2 * Math.log(1 - uniform(seed, 2 * n))) * Math.cos(2 * Math.PI * uniform(seed, 2 * n + 1));
}

/** As drawn, and with the units turned that make a layer live. */
export function firstParameters(shape: Shape, seed: number): { drawn: Float64Array; alive: Float64Array } {
  const { bottom, top, length } = layoutOf(shape);
  const drawn = Float64Array.from({ length }, (_, i) => normal(seed, i));
  if (shape.dense === 0) for (let d = 0; d < shape.dim; d++) drawn[d]! /= Math.sqrt(shape.dim);
  for (const { inputs, outputs, weight, bias } of [...bottom, ...top]) {
    for (let i = 0; i < inputs * outputs; i++) drawn[weight + i]! *= Math.sqrt(2 / (inputs + outputs));
    for (let o = 0; o < outputs; o++) drawn[bias + o]! /= Math.sqrt(outputs);
  }

  const alive = drawn.slice();
  let probes: number[][] = [];
  if (shape.dense === 0) probes = [Array.from(alive.subarray(0, shape.dim))];
  for (let pair = 0; shape.dense > 0 && pair < 16; pair++) {
    const probe = Array.from(
      { length: shape.dense },
      (_, i) => normal(1, pair * shape.dense + i) * 2 ** ((pair % 8) - 3),
    );
    probes.push(
      probe,
      probe.map((x) => -x),
    );
  }
  for (const { inputs, outputs, weight, bias } of [...bottom, ...top.slice(0, -1)]) {
    const sums = () =>
      probes.map((probe) =>
        Array.from({ length: outputs }, (_, o) =>
          probe.reduce((sum, x, i) => sum + x * alive[weight + i * outputs + o]!, alive[bias + o]!),
        ),
      );
    const lit = () => sums().filter((units) => units.some((x) => x > 0)).length;
    const turn = (unit: number) => {
      for (let i = 0; i < inputs; i++) alive[weight + i * outputs + unit]! *= -1;
      alive[bias + unit]! *= -1;
    };
    for (;;) {
      const now = lit();
      const after = Array.from({ length: outputs }, (_, unit) => {
        turn(unit);
        const then = lit();
        turn(unit);
        return then;
      });
      const most = Math.max(...after);
      if (most <= now) break;
      turn(after.indexOf(most));
    }
    probes = sums().map((units) => units.map((x) => Math.max(0, x)));
  }
  return { drawn, alive };
}
