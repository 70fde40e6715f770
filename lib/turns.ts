/**
 * Long loops that leave the event loop free: after some milliseconds of work the loop waits for the next turn of the event
 * loop. Loops that run side by side take turns, too: one slice of one of them to a turn.
 */
import { throwIfAborted } from './errors.ts';

/** Work between two turns, in milliseconds. */
const TURN = 10;

let began = Number.NEGATIVE_INFINITY; // of the turn at hand
let last: Promise<void> = Promise.resolve();

function nextTurn(): Promise<void> {
  last = last.then(
    () =>
      new Promise((resolve) => {
        setImmediate(() => {
          began = performance.now();
          resolve();
        });
      }),
  );
  return last;
}

/**
 * Runs body(begin, end) for one slice of 0 .. count - 1 after another, over several turns of the event loop where they take
 * long.
 *
 * @param slice - items of a call: so many that a call takes less than a millisecond or so
 * @throws CollideError ABORTED
 */
export async function inTurns(
  count: number,
  body: (begin: number, end: number) => void,
  signal?: AbortSignal,
  slice = 16_384,
): Promise<void> {
  for (let begin = 0; begin < count; begin += slice) {
    if (performance.now() - began > TURN) {
      await nextTurn();
      throwIfAborted(signal);
    }
    body(begin, Math.min(count, begin + slice));
  }
}
