/** Sends answers as they come, with a sign of life where nothing does. Knows no surface's format. */
import type { AppOptions } from "./app_options.ts";
import type { Lease } from "./engine/engine.ts";
import { errorBody } from "./error_response.ts";
import type { Failure } from "./errors.ts";
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
  { keepAliveMs = DEFAULT_KEEP_ALIVE_MS }: AppOptions,
): Response {
  const record = c.get("record");
  record.isStreaming = true;
  const headers = { "content-type": form.contentType, "cache-control": "no-cache" };
  return c.body(bodyOf(record, source, first, form, keepAliveMs), 200, {
    ...headers,
    "x-accel-buffering": "no", // nginx would hold frames back
  });
}

function bodyOf(
  record: RequestRecord,
  source: FrameSource,
  first: Frame,
  form: StreamForm,
  keepAliveMs: number,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let early: Frame | undefined = first;
  /** Something to send, or the end with its status. */
  const step = async (): Promise<{ readonly text?: string; readonly status?: number }> => {
    try {
      const frame: Frame = early ?? await source.next(keepAliveMs);
      early = undefined;
      if (frame === "late") return { text: form.keepAlive };
      return frame.done ? { status: 200 } : { text: frame.value };
    } catch (error) {
      const failure = record.failure(error);
      return { text: form.error(failure), status: failure.status };
    }
  };
  let isOpen = true;
  const pull = async (controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> => {
    for (let hasSent = false; isOpen && !hasSent;) {
      const { text, status } = await step();
      if (!isOpen) return;
      if (text) controller.enqueue(encoder.encode(text));
      hasSent = text !== undefined && text !== "";
      if (status === undefined) continue;
      isOpen = false;
      controller.close();
      record.end(status);
    }
  };
  const cancel = async (): Promise<void> => {
    isOpen = false;
    record.abort();
    await source.leave();
  };
  // Nobody may be reading just then, and the generator must not wait for that.
  const onAbort = async (): Promise<void> => {
    await source.leave();
    record.end(record.failure(record.signal.reason).status);
  };
  if (record.signal.aborted) void onAbort(); // since the first frame
  else record.signal.addEventListener("abort", onAbort, { once: true });
  return new ReadableStream({ pull, cancel }, { highWaterMark: 0 });
}

type Frame = "late" | IteratorResult<string, void>;

/** The frames of a generator, waited for in turns: at most one is asked for. */
class FrameSource {
  readonly #frames: AsyncGenerator<string, void>;
  readonly #signal: AbortSignal;
  #pending: Promise<IteratorResult<string, void>> | undefined;

  constructor(frames: AsyncGenerator<string, void>, signal: AbortSignal) {
    this.#frames = frames;
    this.#signal = signal;
  }

  /** The next frame, or `late` where it has not come in time: then the next call goes on waiting for it. */
  async next(waitMs: number): Promise<Frame> {
    this.#pending ??= this.#frames.next();
    this.#pending.catch(() => {}); // it may fail while nobody waits; who waits next is told
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<"late">((resolve) => {
      timer = setTimeout(() => resolve("late"), waitMs);
    });
    try {
      const frame = await Promise.race([this.#pending, late]);
      if (frame !== "late") this.#pending = undefined;
      if (frame !== "late" && frame.done) this.#signal.throwIfAborted(); // `leave` has ended it
      return frame;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends the generator; what it still throws is nobody's business any more. */
  async leave(): Promise<void> {
    await this.#pending?.catch(() => {});
    await this.#frames.return().catch(() => {});
  }
}
