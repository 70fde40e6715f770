// One measuring process behind the line protocol of main.cc: the engine, or a peer.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

export class Child {
  #process;
  #ended;
  #waiting = [];

  /** `name` prefixes its cases; `command` is [program, ...arguments]. */
  constructor(name, command) {
    this.name = name;
    this.#process = spawn(command[0], command.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] });
    createInterface({ input: this.#process.stdout }).on('line', (line) => this.#waiting.shift()?.resolve(line));
    const fail = (reason) => {
      for (const { reject } of this.#waiting.splice(0)) reject(new Error(`${this.name}: ${reason}`));
    };
    this.#ended = new Promise((resolve) => {
      this.#process.on('error', (error) => resolve(fail(error.message)));
      this.#process.on('close', (code, signal) => resolve(fail(`ended by ${signal ?? `exit ${code}`}`)));
    });
    this.#process.stdin.on('error', () => {}); // the close says why
  }

  /** The answer to one line. @throws Error with the child's reason */
  async ask(line) {
    const answer = await new Promise((resolve, reject) => {
      if (this.#process.exitCode !== null || this.#process.signalCode !== null) {
        reject(new Error(`${this.name} has ended`));
      }
      this.#waiting.push({ resolve, reject });
      this.#process.stdin.write(`${line}\n`);
    });
    if (answer.startsWith('error ')) throw new Error(`${this.name}: ${answer.slice('error '.length)}`);
    return answer;
  }

  /** Sends `setup` with these settings: { cases: [name], notes: { key: text } }. */
  async setup(settings) {
    const words = Object.entries(settings).map(([key, value]) => `${key}=${value}`);
    const answer = (await this.ask(`setup ${words.join(' ')}`)).split(' ').slice(1);
    return {
      cases: answer.filter((word) => !word.includes('=')),
      notes: Object.fromEntries(answer.filter((word) => word.includes('=')).map((word) => word.split(/=(.*)/s))),
    };
  }

  /** Seconds per batch over `count` batches from number `first`. */
  async run(name, first, count) {
    const [, wall, cpu] = (await this.ask(`run ${name} ${first} ${count}`)).split(' ').map(Number);
    return { wall, cpu };
  }

  /** Gives its memory back: what is measured next must not run beside that. */
  async close() {
    this.#process.stdin.end();
    await this.#ended;
  }
}
