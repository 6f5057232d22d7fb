/** Waiting for a promise while signals allow. Aborts nothing itself. */

/** The promise's value, unless a signal is aborted first; then its reason is thrown. */
export async function unlessAborted<T>(
  promise: Promise<T>,
  signals: readonly AbortSignal[],
): Promise<T> {
  const signal = AbortSignal.any([...signals]);
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener("abort", onAbort);
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
