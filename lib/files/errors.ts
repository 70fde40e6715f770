/** Failed system calls as errors of this package. */
import { CollideError } from '../errors.ts';

const REASONS: Record<string, string> = {
  EACCES: 'permission denied',
  EDQUOT: 'the disk quota is used up',
  EISDIR: 'it is a folder',
  ELOOP: 'its links go in a circle',
  EMFILE: 'too many open files',
  ENAMETOOLONG: 'the name is too long',
  ENOENT: 'no such file or folder',
  ENOSPC: 'no space left on the disk',
  ENOTDIR: 'a part of the path is not a folder',
  EPERM: 'operation not permitted',
  EROFS: 'the file system is read-only',
};

/**
 * A failed system call as a FILE_IO error that names the file and the reason; other errors as they are.
 *
 * @param action - `read` or `write`
 */
export function fileError(action: 'read' | 'write', path: string, cause: unknown): unknown {
  const { code, syscall, message } = (cause ?? {}) as NodeJS.ErrnoException;
  if (code === undefined || syscall === undefined) return cause;
  const reason = REASONS[code] === undefined ? message : `${REASONS[code]} (${code})`;
  return new CollideError('FILE_IO', `Could not ${action} "${path}": ${reason}`, { cause });
}
