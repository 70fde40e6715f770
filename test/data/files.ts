/** A temporary folder for a test file's data, and its small files. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect } from 'vitest';
import type { DataConfigInput } from '../../lib/data/config.ts';
import { CollideError, type CollideErrorCode } from '../../lib/errors.ts';

/** Call once at the top of a test file: a function that writes a file into the folder and gives its path. */
export function temporaryFolder(): { folder: string; write: (name: string, content: string | Uint8Array) => string } {
  const folder = mkdtempSync(join(tmpdir(), 'collide-test-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return {
    folder,
    write(name, content) {
      const path = join(folder, name);
      writeFileSync(path, content);
      return path;
    },
  };
}

/** `t,user,item,label` lines: t counts from 0, 12 users, 5 items, labels alternate. */
export function smallCsv(rows: number, line: (t: number) => string = smallLine): string {
  return `t,user,item,label\n${Array.from({ length: rows }, (_, t) => line(t)).join('\n')}\n`;
}

export function smallLine(t: number): string {
  return `${t},u${(t * 7) % 12},i${(t * t) % 5},${t % 2}`;
}

/** A config for smallCsv(100): teacher 40 rows, student 40 with 2 for validation, evaluation 20. */
export function smallConfig(source: string, more: Partial<DataConfigInput> = {}): DataConfigInput {
  return {
    source,
    label: 'label',
    features: ['user', 'item'],
    splits: { teacher: 't < 40', student: 't >= 40 and t < 80', evaluation: 't >= 80' },
    ...more,
  };
}

/** The error that `work` fails with; its code is checked. */
export async function failure(code: CollideErrorCode, work: () => unknown): Promise<CollideError> {
  let error: unknown;
  try {
    await work();
  } catch (caught) {
    error = caught;
  }
  expect(error).toBeInstanceOf(CollideError);
  expect({ code: (error as CollideError).code, message: (error as CollideError).message }).toMatchObject({ code });
  return error as CollideError;
}
