/**
 * Seeded random numbers for row order and synthetic data: xoshiro128** (Blackman and Vigna 2018), seeded by four
 * steps of a 32-bit SplitMix. The same seed gives the same numbers on every platform (integer arithmetic only; the
 * normal deviates use Math.log and Math.cos, whose last bit may differ between JavaScript engines).
 */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  /** @param seed - a whole number from 0 to 2^53 - 1 */
  constructor(seed: number) {
    let state = (seed ^ Math.imul(Math.floor(seed / 0x1_0000_0000), 0x85eb_ca6b)) >>> 0;
    const next = (): number => {
      state = (state + 0x9e37_79b9) >>> 0;
      let z = state;
      z = Math.imul(z ^ (z >>> 16), 0x21f0_aaad);
      z = Math.imul(z ^ (z >>> 15), 0x735a_2d97);
      return (z ^ (z >>> 15)) >>> 0;
    };
    this.#a = next();
    this.#b = next();
    this.#c = next();
    this.#d = next();
  }

  /** A whole number from 0 to 2^32 - 1. */
  uint32(): number {
    const five = Math.imul(this.#b, 5);
    const result = Math.imul((five << 7) | (five >>> 25), 9) >>> 0;
    const shifted = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= shifted;
    this.#d = (this.#d << 11) | (this.#d >>> 21);
    return result;
  }

  /** From 0 to below 1, a multiple of 2^-32. */
  uniform(): number {
    return this.uint32() / 0x1_0000_0000;
  }

  /** A whole number from 0 to below - 1. No value is likelier than another by more than below / 2^32. */
  integer(below: number): number {
    return Math.floor(this.uniform() * below);
  }

  /** Mean 0, variance 1 (Box and Muller 1958). */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log((this.uint32() + 1) / 0x1_0000_0000));
    return radius * Math.cos(2 * Math.PI * this.uniform());
  }
}
