/** The config as a file: YAML, or JSON. */
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { LineCounter, parseDocument } from 'yaml';
import { CollideError, checkText } from '../errors.ts';
import { type CompareConfig, parseConfig } from './config.ts';

/**
 * Reads a config file, YAML or JSON. `data.folder` is resolved against the file's folder, and is that folder when it is
 * not given; relative paths in `data.source` and `data.query` start there.
 *
 * @throws CollideError FILE_IO (cannot be read), INVALID_CONFIG (not YAML or JSON: line and column; or as parseConfig)
 * @example
 * ```ts
 * const config = await loadConfig('examples/flights.yaml');
 * const data = await openDataset(config.data);
 * ```
 */
export async function loadConfig(path: string): Promise<CompareConfig> {
  let text: string;
  try {
    text = await readFile(checkText(path, 'the path of a config'), 'utf8');
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CollideError('FILE_IO', `Cannot read the config ${path}: ${why}`, { cause });
  }
  const config = parseConfig(parseText(text, path), path);
  const folder = resolve(dirname(path), config.data.folder ?? '.');
  return { ...config, data: { ...config.data, folder } };
}

/** JSON is YAML, but for tabs between its tokens; where JSON.parse fails the YAML parser finds the line. */
function parseText(text: string, path: string): unknown {
  const lineCounter = new LineCounter();
  const refuse = (at: number, message: string, cause?: unknown): never => {
    const { line, col } = lineCounter.linePos(at);
    throw new CollideError('INVALID_CONFIG', `${path}: line ${line}, column ${col}: ${message}`, { cause });
  };
  let comment: number | undefined;
  if (text.trimStart().startsWith('{')) {
    try {
      return JSON.parse(text);
    } catch {
      // YAML's flow syntax starts the same way
      comment = jsonComment(text);
    }
  }
  const document = parseDocument(text, { lineCounter, prettyErrors: false });
  if (comment !== undefined) {
    refuse(comment, 'Expected JSON, which has no comments. In YAML, of which JSON is a part, # begins one');
  }
  const error = document.errors[0];
  if (error?.code === 'MULTIPLE_DOCS') {
    refuse(error.pos[0], 'Expected one config a file, received a second YAML document (--- begins one)', error);
  }
  if (error !== undefined) refuse(error.pos[0], error.message, error);
  try {
    return document.toJS();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CollideError('INVALID_CONFIG', `${path}: ${why}`, { cause });
  }
}

/** Where the first comment of a JSON text begins. */
function jsonComment(text: string): number | undefined {
  for (const found of text.matchAll(/"(?:[^"\\]|\\.)*"|(?<=^|[\s,{}[\]])(?:\/\/|\/\*)/g)) {
    if (!found[0].startsWith('"')) return found.index;
  }
  return undefined;
}
