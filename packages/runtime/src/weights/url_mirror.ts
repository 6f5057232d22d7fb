/** Downloads a URL into a part file, going on where an earlier attempt stopped. Does not check what was downloaded. */
import { SourceError } from "../errors.ts";
import { httpGet, pause, statusError, TransientSourceError } from "../gguf/source/http_get.ts";
import type { PartFile } from "./part_file.ts";

/** How patient a download is. */
export interface Patience {
  /** Attempts without progress before a mirror is given up (default 3). */
  readonly attempts?: number;
  /** Pause before another attempt, growing with each (default 500). */
  readonly retryDelayMs?: number;
  /** A connection silent for this long counts as cut (default 30,000). */
  readonly idleTimeoutMs?: number;
}

/** What is downloaded, and who is told. */
export interface UrlDownload {
  readonly url: string;
  readonly part: PartFile;
  readonly sizeBytes?: number;
  /** The content will be checked against a checksum, so that bytes without an entity tag may be kept. */
  readonly isChecked: boolean;
  readonly signal?: AbortSignal;
  onBytes(receivedBytes: number, totalBytes: number | undefined): void;
}

/** An attempt that got this far counts as progress. */
const PROGRESS_BYTES = 64 * 1024;

/**
 * Downloads until the server has no more to give.
 * @throws {SourceError} if the server refuses, has a file of another size or cuts the connection each time
 */
export async function downloadUrl(download: UrlDownload, patience: Patience = {}): Promise<void> {
  const { attempts = 3, retryDelayMs = 500, idleTimeoutMs = 30_000 } = patience;
  const { part, signal } = download;
  for (let failed = 0;;) {
    const before = part.writtenBytes;
    try {
      return await attempt(download, idleTimeoutMs);
    } catch (error) {
      if (!(error instanceof TransientSourceError)) throw error;
      failed = part.writtenBytes - before >= PROGRESS_BYTES ? 1 : failed + 1;
      if (failed >= attempts) throw error;
      await pause(retryDelayMs * failed, signal);
    }
  }
}

async function attempt(download: UrlDownload, idleTimeoutMs: number): Promise<void> {
  const { url, part, sizeBytes, signal } = download;
  const from = resumeAt(download);
  if (from > 0 && from === sizeBytes) return;
  const headers: Record<string, string> = {};
  if (from > 0) {
    headers.range = `bytes=${from}-`;
    if (part.origin?.etag) headers["if-range"] = part.origin.etag;
  }
  let total: number | undefined;
  await httpGet({
    url,
    headers,
    idleTimeoutMs,
    signal,
    accept(response) {
      total = startOrResume(response, download, from);
      const wanted = total ?? sizeBytes;
      return wanted === undefined ? undefined : wanted - part.writtenBytes;
    },
    take(bytes) {
      const limit = sizeBytes ?? total;
      if (limit !== undefined && part.writtenBytes + bytes.length > limit) {
        throw new SourceError(`${url} gives more than the ${limit} bytes wanted`, url);
      }
      part.append(bytes);
      download.onBytes(part.writtenBytes, limit);
    },
  });
}

/** The number of bytes that need not be asked for again. */
function resumeAt({ url, part, sizeBytes, isChecked }: UrlDownload): number {
  const { origin, writtenBytes } = part;
  if (origin?.url !== url || (!origin.etag && !isChecked)) return 0;
  return sizeBytes !== undefined && writtenBytes > sizeBytes ? 0 : writtenBytes;
}

/** Prepares the part file for the body of the answer; gives the size of the whole file where it is known. */
function startOrResume(
  response: Response,
  { url, part, sizeBytes }: UrlDownload,
  from: number,
): number | undefined {
  const { status, headers } = response;
  if (status === 416 && from > 0) {
    part.restart();
    throw new TransientSourceError(`${url} has another file than before`, url);
  }
  if (status !== 200 && status !== 206) throw statusError(response, url);
  const range = /^bytes (\d+)-\d+\/(\d+)$/.exec(headers.get("content-range") ?? "");
  if (status === 206 && Number(range?.[1]) !== from) {
    part.restart();
    throw new TransientSourceError(`${url} answered with another range than asked`, url);
  }
  const length = headers.get("content-length");
  const total = status === 206 ? Number(range![2]) : length === null ? undefined : Number(length);
  if (sizeBytes !== undefined && total !== undefined && total !== sizeBytes) {
    throw new SourceError(`${url} has a file of ${total} bytes, ${sizeBytes} are wanted`, url);
  }
  const etag = headers.get("etag");
  if (status === 200) {
    part.restart({ url, etag: etag?.startsWith('"') ? etag : undefined });
  }
  return total;
}
