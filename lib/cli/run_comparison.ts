/** What `demo` and `compare` share: open the data, compare with a progress bar, write results and report. */
import { existsSync } from 'node:fs';
import type { CompareConfig } from '../compare/config.ts';
import { devicesOf } from '../compare/plan.ts';
import type { Comparison } from '../compare/results.ts';
import { readComparison, writeComparison } from '../compare/results_file.ts';
import { checkResumable } from '../compare/resume.ts';
import { compare } from '../compare/run.ts';
import { openDataset } from '../data/index.ts';
import { CollideError } from '../errors.ts';
import { writeFileAtomic } from '../files/index.ts';
import { renderReport } from '../report/index.ts';
import { formatTable } from '../report/table.ts';
import { dataInputs } from './data_inputs.ts';
import { interruptSignal } from './interrupt.ts';
import { checkPaths, type Output } from './paths.ts';
import { Progress } from './progress.ts';

export interface ComparisonRun {
  config: CompareConfig;
  /** Where the config was read from. */
  configFile?: string;
  /** results.json, written after every result so that an interruption loses one at most. */
  json?: string;
  /** The HTML report. */
  html?: string;
  /** Keep the results that `json` holds already, if it is of the same config. */
  resume?: boolean;
  notes?: string[];
}

/** @throws CollideError */
export async function runComparison({
  config,
  configFile,
  json,
  html,
  resume,
  notes,
}: ComparisonRun): Promise<Comparison> {
  devicesOf(config); // refused before millions of rows are read
  const inputs = configFile === undefined ? [] : [{ name: 'the config file', path: configFile }];
  const outputs = [
    { name: '--json', path: json },
    { name: '--html', path: html },
  ].filter((output): output is Output => output.path !== undefined);
  await checkPaths([...inputs, ...(await dataInputs(config.data))], outputs);
  const known = resume && json !== undefined ? await readKnown(json, config) : undefined;
  const progress = new Progress();
  const signal = interruptSignal();
  try {
    progress.update('reading the data', 0);
    using data = await openDataset(config.data, {
      signal,
      onProgress: ({ step }) => progress.update(`reading the data: ${step}`, 0),
    });
    const comparison = await compare(config, data, {
      signal,
      notes,
      resume: known,
      onProgress: ({ step, share }) => progress.update(step, share),
      onResult: async (soFar) => {
        if (json !== undefined) await writeComparison(json, soFar);
      },
    });
    progress.stop();
    process.stdout.write(`${formatTable(comparison)}\n`);
    if (html !== undefined) await writeFileAtomic(html, await renderReport(comparison));
    for (const path of [json, html]) if (path !== undefined) process.stdout.write(`wrote ${path}\n`);
    return comparison;
  } catch (error) {
    if (error instanceof CollideError && error.code === 'ABORTED' && json !== undefined && existsSync(json)) {
      process.stderr.write(`the results so far are in ${json}; continue with --resume\n`);
    }
    throw error;
  } finally {
    progress.stop();
  }
}

/**
 * The interrupted run that a file holds; none when there is no file.
 *
 * @throws CollideError FILE_FORMAT when the file is of another config; whether it is of the same data, compare sees
 */
async function readKnown(path: string, config: CompareConfig): Promise<Comparison | undefined> {
  return existsSync(path) ? checkResumable(await readComparison(path), config, `--resume with ${path}`) : undefined;
}
