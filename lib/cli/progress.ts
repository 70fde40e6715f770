/** Progress on standard error: a bar on a terminal, a line per step elsewhere. Standard output stays free for results. */
import { SingleBar } from 'cli-progress';

export class Progress {
  readonly #bar: SingleBar | undefined;
  #started = false;
  #step = '';

  constructor() {
    if (process.stderr.isTTY) {
      this.#bar = new SingleBar({
        format: '{bar} {percentage} % | {step}',
        barsize: 24,
        hideCursor: true,
        clearOnComplete: true,
        fps: 10,
        etaBuffer: 50,
        stream: process.stderr,
      });
    }
  }

  /** `share` of the whole, 0 to 1. */
  update(step: string, share: number): void {
    if (this.#bar === undefined) {
      // What comes before the colon names the step; what follows changes many times a second.
      const name = step.split(':')[0]!;
      if (name !== this.#step) process.stderr.write(`${String(Math.floor(share * 100)).padStart(3)} %  ${name}\n`);
      this.#step = name;
      return;
    }
    if (!this.#started) this.#bar.start(1000, 0, { step });
    this.#started = true;
    const width = Math.max(20, (process.stderr.columns ?? 80) - 40);
    this.#bar.update(Math.round(share * 1000), { step: step.slice(0, width) });
  }

  /** Takes the bar off the screen. */
  stop(): void {
    if (this.#started) this.#bar?.stop();
    this.#started = false;
  }
}
