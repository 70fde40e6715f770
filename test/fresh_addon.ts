/** Before any test: what would be tested is what is written. Tests of the compiled JavaScript ask test/addon/dist.ts. */
import { addonFault } from '../scripts/built.mjs';

export default function setup(): void {
  const fault = addonFault();
  if (fault !== undefined) throw new Error(`${fault}: npm run ensure builds it, npm test does so by itself`);
}
