/** Several streams of events as one, in the order in which events come. Knows nothing of what they tell. */

/** So many events may wait to be read for each stream: who generates at once stays in step with the others. */
const EVENTS_AHEAD = 4;

/**
 * Yields the events of all sources as they come. When the reader leaves, or a source fails, `stop` is called, which
 * must end the sources that wait; all are closed before this ends. What came before a failure is told before it.
 */
export async function* interleave<T>(
  sources: readonly AsyncIterable<T>[],
  stop: () => void,
): AsyncGenerator<T> {
  const queue: T[] = [];
  const most = sources.length * EVENTS_AHEAD;
  let isLeft = false;
  let news = Promise.withResolvers<void>();
  let room = Promise.withResolvers<void>();
  const pump = async (source: AsyncIterable<T>): Promise<void> => {
    for await (const event of source) {
      queue.push(event);
      news.resolve();
      while (queue.length >= most && !isLeft) await room.promise;
      if (isLeft) return;
    }
  };
  let outcome: { readonly error?: unknown } | undefined;
  const pumps = sources.map(pump);
  Promise.all(pumps).then(() => outcome = {}, (error) => outcome = { error })
    .finally(() => news.resolve());
  try {
    for (;;) {
      for (let event = queue.shift(); event !== undefined; event = queue.shift()) {
        room.resolve();
        room = Promise.withResolvers();
        yield event;
      }
      if (outcome && "error" in outcome) throw outcome.error;
      if (outcome) return;
      await news.promise;
      news = Promise.withResolvers();
    }
  } finally {
    isLeft = true;
    room.resolve();
    stop();
    await Promise.allSettled(pumps);
  }
}
