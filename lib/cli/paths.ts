/** What a command reads and writes, looked at before it works: nothing that it reads may be written over. */
import { stat } from 'node:fs/promises';
import { CollideError } from '../errors.ts';
import { checkWritable, targetOf } from '../files/index.ts';

/** A file that the command reads. */
export interface Input {
  /** For messages: `the config file`, `data.source`, ... */
  name: string;
  path: string;
  /** Of `path`, if it is a pattern: which absolute paths it would read, were they there. */
  covers?: (path: string) => boolean;
}

/** A file that the command writes. */
export interface Output {
  /** For messages: the option. */
  name: string;
  path: string;
  /** Whether its folder is made where it is missing. */
  makesFolders?: boolean;
}

/**
 * @throws CollideError INVALID_ARGUMENT for an output that is an input or another output, by whatever name or link;
 * FILE_IO for one that could not be written
 */
export async function checkPaths(inputs: readonly Input[], outputs: readonly Output[]): Promise<void> {
  const read = await Promise.all(inputs.map(async (input) => ({ ...input, id: await identityOf(input.path) })));
  const written: (Output & { id: string | undefined })[] = [];
  for (const output of outputs) {
    await checkWritable(output.path, output.makesFolders);
    const id = await identityOf(output.path);
    const target = await targetOf(output.path);
    const input = read.find((other) => (id !== undefined && other.id === id) || other.covers?.(target));
    if (input !== undefined) {
      throw new CollideError(
        'INVALID_ARGUMENT',
        `Expected another file for ${output.name} than ${input.name} ("${input.path}"), which would be written over, received "${output.path}"`,
      );
    }
    const twin = written.find((other) => id !== undefined && other.id === id);
    if (twin !== undefined) {
      throw new CollideError(
        'INVALID_ARGUMENT',
        `Expected two files for ${twin.name} ("${twin.path}") and ${output.name}, received "${output.path}", which is the same`,
      );
    }
    written.push({ ...output, id });
  }
}

/** Of a file device and inode, of one that is not there yet its path through all links; undefined for a device or pipe. */
async function identityOf(path: string): Promise<string | undefined> {
  const about = await stat(path, { bigint: true }).catch(() => undefined);
  if (about === undefined) return targetOf(path).catch(() => undefined);
  return about.isFile() || about.isDirectory() ? `${about.dev}:${about.ino}` : undefined;
}
