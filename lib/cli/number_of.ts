/** Reads the number of an option. */
import { InvalidArgumentError } from 'commander';

/** @throws InvalidArgumentError, which commander reports with the option and the text */
export function numberOf(text: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!Number.isNaN(value)) return value;
  throw new InvalidArgumentError('Expected a number.');
}
