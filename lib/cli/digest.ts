/** The SHA-256 of files whose format has no place for a checksum. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';

/** `, sha256 <hex>` to print after what was written, as `sha256sum` has it; nothing for a device or pipe. */
export async function digestOf(path: string): Promise<string> {
  if (!(await stat(path)).isFile()) return '';
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return `, sha256 ${hash.digest('hex')}`;
}
