/** How long work takes. */
export interface Measured<T> {
  value: T;
  seconds: number;
}

export async function measure<T>(work: () => Promise<T>): Promise<Measured<T>> {
  const start = performance.now();
  const value = await work();
  return { value, seconds: (performance.now() - start) / 1000 };
}
