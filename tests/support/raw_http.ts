/** HTTP byte by byte over a socket, as no client would send it. Knows no routes. */

/** What is sent: bytes, a text, or a pause in milliseconds. */
export type Part = Uint8Array | string | number;

/** What came back. */
export interface Exchange {
  /** Of each response, in order. */
  readonly statuses: readonly number[];
  readonly text: string;
  /** Whether the server has closed the connection. */
  readonly isClosed: boolean;
  readonly durationMs: number;
}

/** How to end. */
export interface ExchangeOptions {
  /** Says that nothing more will be sent. */
  readonly closeWrite?: boolean;
  /** How long to wait for the server to close the connection. Default 5,000. */
  readonly waitMs?: number;
}

const encoder = new TextEncoder();

/** Sends the parts as long as the server takes them and reads until it closes the connection, or the time is over. */
export async function exchange(
  port: number,
  parts: readonly Part[],
  { closeWrite = false, waitMs = 5_000 }: ExchangeOptions = {},
): Promise<Exchange> {
  const started = performance.now();
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  let text = "";
  let isClosed = false;
  const reading = read(connection, (piece) => text += piece).then(() => isClosed = true);
  const { promise: late, resolve } = Promise.withResolvers<void>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const sending = send(connection, parts, () => isClosed)
    .then(() => closeWrite ? connection.closeWrite() : undefined)
    .catch(() => {}) // a server that has seen enough closes in the middle
    .then(() => timer = setTimeout(resolve, waitMs));
  await Promise.race([reading, late]);
  const durationMs = performance.now() - started;
  const wasClosed = isClosed;
  if (!isClosed) connection.close();
  await Promise.all([sending, reading]);
  clearTimeout(timer);
  return { statuses: statusesOf(text), text, isClosed: wasClosed, durationMs };
}

async function send(
  connection: Deno.TcpConn,
  parts: readonly Part[],
  isClosed: () => boolean,
): Promise<void> {
  for (const part of parts) {
    if (isClosed()) return;
    if (typeof part === "number") await new Promise((resolve) => setTimeout(resolve, part));
    else {
      const bytes = typeof part === "string" ? encoder.encode(part) : part;
      for (let sent = 0; sent < bytes.length;) {
        sent += await connection.write(bytes.subarray(sent));
      }
    }
  }
}

async function read(connection: Deno.TcpConn, take: (piece: string) => void): Promise<void> {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(65_536);
  try {
    for (;;) {
      const count = await connection.read(buffer);
      if (count === null) return;
      take(decoder.decode(buffer.subarray(0, count), { stream: true }));
    }
  } catch {
    // closed by a reset, or from here
  }
}

function statusesOf(text: string): number[] {
  return [...text.matchAll(/HTTP\/1\.[01] (\d{3}) [^\r\n]*\r\n/g)]
    .map(([, status]) => Number(status))
    .filter((status) => status >= 200);
}

/** A head with these lines after the first one. */
export function head(firstLine: string, ...lines: readonly string[]): string {
  return [firstLine, "Host: 127.0.0.1", ...lines, "", ""].join("\r\n");
}

/** A `POST` of JSON, after which the connection is to be closed. */
export function postOf(path: string, body: string | Uint8Array): Part[] {
  const bytes = typeof body === "string" ? encoder.encode(body) : body;
  const type = "Content-Type: application/json";
  const length = `Content-Length: ${bytes.length}`;
  return [head(`POST ${path} HTTP/1.1`, type, length, "Connection: close"), bytes];
}
