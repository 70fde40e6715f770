/** Ctrl-C asks the work to stop at its next safe point; a second Ctrl-C ends the process at once. */
export function interruptSignal(): AbortSignal {
  const controller = new AbortController();
  const ask = () => {
    process.stderr.write('\nstopping at the next safe point (again to stop at once) ...\n');
    controller.abort();
    process.removeListener('SIGINT', ask);
    process.removeListener('SIGTERM', ask);
  };
  process.on('SIGINT', ask);
  process.on('SIGTERM', ask);
  return controller.signal;
}
