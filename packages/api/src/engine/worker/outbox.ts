/** Events of a worker's answers on their way to the engine's thread: as few messages as can be without delay. Makes no events. */
import type { ServedEvent } from "../served_model.ts";

/** What a step has brought, by answer. */
export interface AnswerEvents {
  readonly id: number;
  readonly events: readonly ServedEvent[];
}

/**
 * Models of some kilobytes draw a token in a fraction of what a message, a frame and a write to a socket cost: where events
 * keep coming faster, messages go at this pace. Slower models never wait for it.
 */
const PACE_MS = 2;

/** Events that wait to be sent. Pieces of text that go together are one. */
export class Outbox {
  #waiting = new Map<number, ServedEvent[]>();
  #sentAt = -Infinity;
  /** Between the last two messages. */
  #intervalMs = Infinity;
  #cancelTimer = () => {};
  #isFlushing = false;

  constructor(private readonly send: (answers: readonly AnswerEvents[]) => void) {}

  push(id: number, event: ServedEvent): void {
    this.#schedule();
    const events = this.#waiting.get(id) ?? [];
    this.#waiting.set(id, events);
    const last = events.at(-1);
    if (last === undefined || last.type === "end" || last.type !== event.type) {
      events.push(event);
      return;
    }
    const { type, text, tokens } = last;
    const added = event.tokens.map((token) => ({ ...token, at: text.length + (token.at ?? 0) }));
    events[events.length - 1] = { type, text: text + event.text, tokens: [...tokens, ...added] };
  }

  /** Sends what waits. */
  flush(): void {
    this.#isFlushing = false;
    this.#cancelTimer();
    if (this.#waiting.size === 0) return;
    const answers = Array.from(this.#waiting, ([id, events]) => ({ id, events }));
    this.#waiting = new Map();
    const now = performance.now();
    this.#intervalMs = now - this.#sentAt;
    this.#sentAt = now;
    this.send(answers);
  }

  /**
   * Answers that take part in a step get their tokens one after the other in one turn, so these go together. What comes
   * soon after, as checked drafts do, goes before the next step, which begins with a turn for the host.
   */
  #schedule(): void {
    if (this.#isFlushing) return;
    const flush = () => this.flush();
    if (performance.now() - this.#sentAt >= PACE_MS) {
      this.#isFlushing = true;
      queueMicrotask(flush);
    } else if (this.#waiting.size > 0) return;
    else if (this.#intervalMs < 2 * PACE_MS) {
      const timer = setTimeout(flush, PACE_MS);
      this.#cancelTimer = () => clearTimeout(timer);
    } else {
      const turn = setImmediate(flush);
      this.#cancelTimer = () => clearImmediate(turn);
    }
  }
}
