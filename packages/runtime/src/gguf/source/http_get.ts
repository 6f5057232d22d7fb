/** One HTTP GET handed on piece by piece, cut when silent, and its repetition. Knows nothing of files. */
import { SourceError } from "../../errors.ts";
import { streamChunks } from "./stream_chunks.ts";

/** A failure that another attempt may pass: a cut connection or a busy server. */
export class TransientSourceError extends SourceError {}

/** What one GET does. */
export interface HttpGet {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** A connection silent for this long counts as cut. */
  readonly idleTimeoutMs: number;
  readonly signal?: AbortSignal;
  /** Looks at the head of the answer and gives the bytes wanted of its body (undefined: all there are); throws to refuse it. */
  accept(response: Response): number | undefined;
  /** Takes the next bytes; throws to end the transfer. */
  take(bytes: Uint8Array): void;
}

/**
 * Runs one GET to its end.
 * @throws {TransientSourceError} if the connection fails, is cut or stays silent
 */
export async function httpGet(get: HttpGet): Promise<void> {
  const { url, signal, idleTimeoutMs } = get;
  const idle = new AbortController();
  let timer = setTimeout(() => idle.abort(), idleTimeoutMs);
  let received = 0;
  const cut = (reason: string, cause?: unknown) =>
    new TransientSourceError(
      `Cannot read ${url}: the connection was cut after ${received} bytes (${reason})`,
      url,
      { cause },
    );
  let answered = false;
  const guard = async <T>(part: Promise<T>): Promise<T> => {
    try {
      return await part;
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      if (idle.signal.aborted) throw cut(`silent for ${idleTimeoutMs / 1000} s`, error);
      if (answered) throw cut(reasonOf(error), error);
      throw new TransientSourceError(
        `Cannot read ${url}: the server cannot be reached (${reasonOf(error)})`,
        url,
        { cause: error },
      );
    }
  };
  try {
    const response = await guard(fetch(url, {
      headers: { "accept-encoding": "identity", ...get.headers },
      signal: signal ? AbortSignal.any([signal, idle.signal]) : idle.signal,
    }));
    answered = true;
    const wanted = await acceptOrCancel(get, response);
    const chunks = streamChunks(response.body);
    try {
      for (;;) {
        const { done, value } = await guard(chunks.next());
        if (done) break;
        clearTimeout(timer);
        timer = setTimeout(() => idle.abort(), idleTimeoutMs);
        received += value.length;
        get.take(value);
      }
    } finally {
      await chunks.return();
    }
    if (wanted !== undefined && received < wanted) throw cut(`${wanted} were announced`);
  } finally {
    clearTimeout(timer);
  }
}

/** The innermost cause says what happened: a name without an address, a port that refuses. */
function reasonOf(error: unknown): string {
  let inner = error;
  while (inner instanceof Error && inner.cause instanceof Error) inner = inner.cause;
  const { message, code } = inner as { message?: string; code?: string };
  const [line] = (message || code || String(inner)).split("\n");
  return line.replace(/^error sending request for url .*?\(Connect\): /, "");
}

async function acceptOrCancel(get: HttpGet, response: Response): Promise<number | undefined> {
  try {
    return get.accept(response);
  } catch (error) {
    await response.body?.cancel().catch(() => {});
    throw error;
  }
}

/** The error for an answer that is no success; 408, 429 and 5xx may pass. */
export function statusError(response: Response, url: string): SourceError {
  const { status, statusText } = response;
  const message = `Cannot read ${url}: the server answered ${status} ${statusText}`.trim();
  const transient = status >= 500 || status === 429 || status === 408;
  return new (transient ? TransientSourceError : SourceError)(message, url);
}

/** Waits; an abort rejects with its reason. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const stop = () => {
      clearTimeout(timer);
      reject(signal!.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal?.addEventListener("abort", stop, { once: true });
  });
}
