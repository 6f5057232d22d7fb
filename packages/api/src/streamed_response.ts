/** Sends answers as they come, with a sign of life where nothing does. Knows no surface's format. */
import type { AppOptions } from "./app_options.ts";
import type { Lease } from "./engine/engine.ts";
import { errorBody } from "./error_response.ts";
import { ApiError, type Failure } from "./errors.ts";
import { LimitTimer } from "./limit_timer.ts";
import type { ApiContext, RequestRecord } from "./request_record.ts";

/** How a kind of stream is written. */
export interface StreamForm {
  readonly contentType: string;
  /** Sent where nothing has come for a while; missing: nothing is. */
  readonly keepAlive?: string;
  /** The last thing sent where an error ends the stream. */
  readonly error: (failure: Failure) => string;
}

const DEFAULT_KEEP_ALIVE_MS = 10_000;
const DEFAULT_STALL_MS = 60_000;
/** So long an answer may take to begin before its status is sent without knowing what will become of it. */
const HEAD_WAIT_MS = 3_000;

/**
 * A response of the frames. It begins with the first one, so that what fails before it is thrown and gets a status of
 * its own; or with a sign of life when that takes seconds. A frame is asked for only when there is a reader for it; a
 * reader that leaves aborts the record's signal and ends the generator.
 */
export async function streamedResponse(
  c: ApiContext,
  frames: AsyncGenerator<string, void>,
  form: StreamForm,
  options: AppOptions,
): Promise<Response> {
  const source = new FrameSource(frames, c.get("record").signal);
  return begun(c, source, await firstFrame(source, options), form, options);
}

/**
 * A response of what is made with the lease, as JSON. When that takes seconds, the response begins with a space, and has
 * one more now and then, which JSON allows: `Deno.serve` notices that a client with a body of over some hundred bytes has
 * gone only once it answers. What fails after that is told with status 200, so that the wait does not include the queue.
 */
export async function wholeResponse(
  c: ApiContext,
  lease: Lease,
  make: () => Promise<object>,
  options: AppOptions,
): Promise<Response> {
  const source = new FrameSource(wholeFrame(lease, make), c.get("record").signal);
  const first = await firstFrame(source, options);
  const error = (failure: Failure) => JSON.stringify(errorBody(c, failure));
  const form = { contentType: "application/json", keepAlive: " ", error };
  if (first === "late") return begun(c, source, first, form, options);
  await source.leave();
  return c.body(first.value ?? "", 200, { "content-type": form.contentType });
}

/** The place is free before anybody reads. */
async function* wholeFrame(
  lease: Lease,
  make: () => Promise<object>,
): AsyncGenerator<string, void> {
  const made = async () => {
    using _lease = lease;
    return JSON.stringify(await make());
  };
  yield await made();
}

async function firstFrame(source: FrameSource, { keepAliveMs }: AppOptions): Promise<Frame> {
  return await source.next(Math.min(HEAD_WAIT_MS, keepAliveMs ?? DEFAULT_KEEP_ALIVE_MS));
}

function begun(
  c: ApiContext,
  source: FrameSource,
  first: Frame,
  form: StreamForm,
  options: AppOptions,
): Response {
  const record = c.get("record");
  record.isStreaming = true;
  const headers = { "content-type": form.contentType, "cache-control": "no-cache" };
  const body = new FrameBody(record, source, first, form, options);
  return c.body(body.stream(), 200, {
    ...headers,
    "x-accel-buffering": "no", // nginx would hold frames back
  });
}

/** The bytes of an answer, made as they are asked for. Invariant: the record ends with the last, or when nobody reads. */
class FrameBody {
  readonly #record: RequestRecord;
  readonly #source: FrameSource;
  readonly #form: StreamForm;
  readonly #keepAliveMs: number;
  readonly #stallMs: number;
  readonly #stall = new LimitTimer(() => this.#onStalled());
  #early: Frame | undefined;
  #isOpen = true;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;

  constructor(
    record: RequestRecord,
    source: FrameSource,
    first: Frame,
    form: StreamForm,
    options: AppOptions,
  ) {
    this.#record = record;
    this.#source = source;
    this.#early = first;
    this.#form = form;
    this.#keepAliveMs = options.keepAliveMs ?? DEFAULT_KEEP_ALIVE_MS;
    this.#stallMs = options.stallTimeoutMs ?? DEFAULT_STALL_MS;
  }

  stream(): ReadableStream<Uint8Array> {
    const start = (controller: ReadableStreamDefaultController<Uint8Array>) => {
      this.#controller = controller;
      const { signal } = this.#record;
      if (signal.aborted) void this.#leave(); // since the first frame
      else signal.addEventListener("abort", () => this.#leave(), { once: true });
      this.#awaitReader();
    };
    const pull = (controller: ReadableStreamDefaultController<Uint8Array>) =>
      this.#pull(controller);
    const cancel = () => this.#cancel();
    return new ReadableStream({ start, pull, cancel }, { highWaterMark: 0 });
  }

  async #pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    this.#stall.pause();
    for (let hasSent = false; this.#isOpen && !hasSent;) {
      const { text, status } = await this.#step();
      if (!this.#isOpen) return;
      if (text) controller.enqueue(new TextEncoder().encode(text));
      hasSent = text !== undefined && text !== "";
      if (status === undefined) continue;
      this.#isOpen = false;
      this.#stall.end();
      controller.close();
      this.#record.end(status);
    }
    if (this.#isOpen) this.#awaitReader();
  }

  /** Something to send, or the end with its status. */
  async #step(): Promise<{ readonly text?: string; readonly status?: number }> {
    try {
      const frame: Frame = this.#early ?? await this.#source.next(this.#keepAliveMs);
      this.#early = undefined;
      if (frame === "late") return { text: this.#form.keepAlive };
      return frame.done ? { status: 200 } : { text: frame.value };
    } catch (error) {
      const failure = this.#record.failure(error);
      return { text: this.#form.error(failure), status: failure.status };
    }
  }

  #awaitReader(): void {
    if (!this.#record.signal.aborted) this.#stall.begin(this.#stallMs);
  }

  /** A client that takes nothing more keeps no place: its connection is ended. */
  #onStalled(): void {
    this.#isOpen = false;
    const seconds = this.#stallMs / 1000;
    const reason = new ApiError("gone", `The client has read nothing for ${seconds} s`);
    this.#record.abort(reason);
    this.#controller?.error(reason);
  }

  async #cancel(): Promise<void> {
    this.#isOpen = false;
    this.#record.abort();
    await this.#source.leave();
  }

  /** Nobody may be reading just then, and the generator must not wait for that. */
  async #leave(): Promise<void> {
    this.#stall.end();
    await this.#source.leave();
    this.#record.end(this.#record.failure(this.#record.signal.reason).status);
  }
}

type Frame = "late" | IteratorResult<string, void>;

/** The frames of a generator, waited for in turns: at most one is asked for. */
class FrameSource {
  readonly #frames: AsyncGenerator<string, void>;
  readonly #signal: AbortSignal;
  readonly #limit = new LimitTimer(() => this.#onLate("late"));
  #pending: Promise<IteratorResult<string, void>> | undefined;
  #onLate: (late: "late") => void = () => {};

  constructor(frames: AsyncGenerator<string, void>, signal: AbortSignal) {
    this.#frames = frames;
    this.#signal = signal;
  }

  /** The next frame, or `late` where it has not come in time: then the next call goes on waiting for it. */
  async next(waitMs: number): Promise<Frame> {
    this.#pending ??= this.#frames.next();
    this.#pending.catch(() => {}); // it may fail while nobody waits; who waits next is told
    const late = new Promise<"late">((resolve) => this.#onLate = resolve);
    this.#limit.begin(waitMs);
    try {
      const frame = await Promise.race([this.#pending, late]);
      if (frame === "late") return frame;
      this.#pending = undefined;
      if (frame.done) this.#signal.throwIfAborted(); // `leave` has ended it
      if (frame.done) this.#limit.end();
      else this.#limit.pause();
      return frame;
    } catch (error) {
      this.#limit.end();
      throw error;
    }
  }

  /** Ends the generator; what it still throws is nobody's business any more. */
  async leave(): Promise<void> {
    this.#limit.end();
    await this.#pending?.catch(() => {});
    await this.#frames.return().catch(() => {});
  }
}
