/** Reads a URL piecewise by HTTP Range requests (RFC 9110, section 14). Keeps the first piece and the blocks of read_ahead.ts. */
import { SourceError } from "../../errors.ts";
import type { ByteSource } from "../source.ts";
import { ReadAhead } from "./read_ahead.ts";
import { httpGet, pause, statusError, TransientSourceError } from "./http_get.ts";

/** Options of `openHttpSource`. */
export interface HttpSourceOptions {
  readonly signal?: AbortSignal;
  /** Further attempts after a failure that may pass (default 2). */
  readonly retries?: number;
  /** Pause before the first further attempt; doubled for the next (default 200). */
  readonly retryDelayMs?: number;
  /** A connection silent for this long counts as cut (default 30,000). */
  readonly idleTimeoutMs?: number;
}

/** The head of most files, fetched to learn the size and served to the reader without another request. */
const FIRST_PIECE_BYTES = 256 * 1024;

interface Connection {
  readonly url: string;
  readonly retries: number;
  readonly retryDelayMs: number;
  readonly idleTimeoutMs: number;
}

/** What the first answer said; later ones must agree. */
interface Resource {
  readonly sizeBytes: number;
  readonly etag: string | null;
}

/**
 * Opens a URL; its size comes from the Content-Range of the first piece, no HEAD request is made.
 * @throws {SourceError} if the server cannot be reached, refuses, or does not honour Range
 */
export async function openHttpSource(
  where: string | URL,
  options: HttpSourceOptions = {},
): Promise<ByteSource> {
  const { signal, retries = 2, retryDelayMs = 200, idleTimeoutMs = 30_000 } = options;
  const connection = { url: String(where), retries, retryDelayMs, idleTimeoutMs };
  const name = connection.url;
  const piece = new Uint8Array(FIRST_PIECE_BYTES);
  const first = await fetchRange(connection, 0, piece, null, signal);
  const head = piece.subarray(0, Math.min(piece.length, first.sizeBytes));
  const ahead = new ReadAhead(first.sizeBytes, async (offset, into, readSignal) => {
    const known = head.subarray(offset, offset + into.length);
    into.set(known);
    if (known.length === into.length) return;
    const rest = into.subarray(known.length);
    await fetchRange(connection, offset + known.length, rest, first, readSignal);
  });
  return {
    name,
    sizeBytes: first.sizeBytes,
    async read(offset: number, into: Uint8Array, readSignal?: AbortSignal): Promise<void> {
      if (offset + into.length > first.sizeBytes) {
        throw new SourceError(
          `Cannot read ${name}: byte ${offset + into.length} wanted of ${first.sizeBytes}`,
          name,
        );
      }
      if (offset + into.length <= head.length) {
        into.set(head.subarray(offset, offset + into.length));
      } else await ahead.read(offset, into, readSignal);
    },
    close: () => Promise.resolve(),
  };
}

/** Fills `into` (at the end of the resource: a part of it), going on where a cut connection stopped. */
async function fetchRange(
  connection: Connection,
  offset: number,
  into: Uint8Array,
  known: Resource | null,
  signal?: AbortSignal,
): Promise<Resource> {
  const { url, retries, retryDelayMs, idleTimeoutMs } = connection;
  let resource = known;
  let filled = 0;
  for (let attempt = 0;; attempt++) {
    const from = offset + filled;
    try {
      await httpGet({
        url,
        headers: { range: `bytes=${from}-${offset + into.length - 1}` },
        idleTimeoutMs,
        signal,
        accept(response) {
          resource = checkAnswer(response, url, from, resource);
          return Math.min(offset + into.length, resource.sizeBytes) - from;
        },
        take(bytes) {
          if (filled + bytes.length > into.length) throw refusal(url, "more came than was asked");
          into.set(bytes, filled);
          filled += bytes.length;
        },
      });
      return resource!;
    } catch (error) {
      if (!(error instanceof TransientSourceError) || attempt >= retries) throw error;
      await pause(retryDelayMs * 2 ** attempt, signal);
    }
  }
}

function checkAnswer(
  response: Response,
  url: string,
  offset: number,
  known: Resource | null,
): Resource {
  const { status } = response;
  if (status === 200) {
    throw refusal(
      url,
      "the server ignores Range requests; download the whole file first (aha pull URL) and give its path",
    );
  }
  if (status === 416) throw refusal(url, "the file there is empty or shorter than it was");
  if (status !== 206) throw statusError(response, url);
  const range = /^bytes (\d+)-\d+\/(\d+)$/.exec(response.headers.get("content-range") ?? "");
  if (range === null) {
    throw refusal(url, "the server does not say how long the file is (no usable Content-Range)");
  }
  if (Number(range[1]) !== offset) throw refusal(url, "the server sent another range than asked");
  const resource = { sizeBytes: Number(range[2]), etag: response.headers.get("etag") };
  if (known && (known.sizeBytes !== resource.sizeBytes || known.etag !== resource.etag)) {
    throw refusal(url, "the file there changed while it was read");
  }
  return resource;
}

function refusal(url: string, message: string): SourceError {
  return new SourceError(`Cannot read ${url}: ${message}`, url);
}
