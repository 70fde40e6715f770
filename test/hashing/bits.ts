/** `count` bits of a little-endian stream from bit `first` on, one by one: the slow definition of the packed form. */
export function bitsAt(bytes: Uint8Array, first: number, count: number): number {
  let value = 0;
  for (let k = count - 1; k >= 0; k--) value = 2 * value + ((bytes[(first + k) >>> 3]! >>> ((first + k) & 7)) & 1);
  return value;
}
