/** What the command line has of the clustering learners: a flag for each of their options, and shorthands for several. */
import type { Command } from 'commander';
import { learners } from '../clustering/index.ts';
import { checkOneOf } from '../errors.ts';
import { numberOf } from './number_of.ts';

/** The flags of the learners' own options; learners that share one share its flag. */
export function addLearnerFlags(command: Command): void {
  const placeholders = { number: ' <number>', text: ' <name>', switch: '' };
  const flagOf = (name: string) => `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  const help = new Map<string, { flag: string; reads: keyof typeof placeholders; help: string; learners: string[] }>();
  const add = (learner: string, name: string, reads: keyof typeof placeholders, about: string) => {
    const known = help.get(name);
    if (known !== undefined) known.learners.push(learner);
    else help.set(name, { flag: flagOf(name), reads, help: about, learners: [learner] });
  };
  for (const { name, options, shorthands = {} } of learners.entries) {
    for (const [option, { flag, help }] of Object.entries(options))
      if (flag !== undefined) add(name, option, flag, help);
    for (const [shorthand, { help }] of Object.entries(shorthands)) add(name, shorthand, 'text', help);
  }
  for (const { flag, reads, help: about, learners } of help.values()) {
    const text = `${learners.join(' and ')}: ${about}`;
    if (reads === 'number') command.option(flag + placeholders[reads], text, numberOf);
    else command.option(flag + placeholders[reads], text);
  }
}

/** The options with what shorthands stand for in their place. @throws CollideError INVALID_ARGUMENT for an unknown choice */
export function withoutShorthands<T extends object>(options: T): T {
  const given = { ...options } as Record<string, unknown>;
  for (const { shorthands = {} } of learners.entries) {
    for (const [name, { choices }] of Object.entries(shorthands)) {
      if (given[name] === undefined) continue;
      const choice = checkOneOf(given[name], Object.keys(choices), `--${name}`);
      delete given[name];
      Object.assign(given, choices[choice]);
    }
  }
  return given as T;
}

/** The learners that run on the CPU alone. */
export function withoutKernels(): string {
  const unable = learners.entries.filter(({ devices }) => !devices.includes('cuda')).map(({ name }) => name);
  return unable.join(', ');
}
