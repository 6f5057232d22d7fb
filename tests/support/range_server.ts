/** A local HTTP server for tests: one file, served well or badly. Listens on 127.0.0.1 only. */

/** How requests are answered; each field may change while the server runs. */
export interface ServerBehaviour {
  /** What is served. */
  bytes: Uint8Array<ArrayBuffer>;
  etag?: string;
  /** Answer 200 with the whole file whatever is asked. */
  ignoreRange?: boolean;
  /** Cut the connection after so many bytes of a body, this many times; `quietly`: as if the body were whole. */
  cut?: { afterBytes: number; times: number; quietly?: boolean };
  /** Answer with these statuses first, one a request. */
  statuses?: number[];
  /** Send headers and then nothing. */
  stall?: boolean;
}

/** A running server. */
export interface RangeServer {
  readonly url: string;
  readonly behaviour: ServerBehaviour;
  /** The Range header of each request (`""` where it had none), then its If-Range. */
  readonly requests: { range: string; ifRange: string }[];
  close(): Promise<void>;
}

/** Starts a server on a free port. */
export function startRangeServer(behaviour: ServerBehaviour): RangeServer {
  const requests: RangeServer["requests"] = [];
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {}, onError: () => new Response(null) },
    (request) => {
      const range = request.headers.get("range") ?? "";
      requests.push({ range, ifRange: request.headers.get("if-range") ?? "" });
      return answer(behaviour, range, request.headers.get("if-range"));
    },
  );
  return {
    url: `http://127.0.0.1:${server.addr.port}/model.gguf`,
    behaviour,
    requests,
    close: () => server.shutdown(),
  };
}

function answer(behaviour: ServerBehaviour, range: string, ifRange: string | null): Response {
  const status = behaviour.statuses?.shift();
  if (status !== undefined) return new Response("no", { status });
  const { bytes, etag } = behaviour;
  const headers = new Headers(etag ? { etag } : {});
  const match = /^bytes=(\d+)-(\d*)$/.exec(range);
  const stale = ifRange !== null && ifRange !== etag;
  if (behaviour.ignoreRange || match === null || stale) {
    setLength(behaviour, headers, bytes.length);
    return new Response(body(behaviour, bytes), { headers });
  }
  const start = Number(match[1]);
  if (start >= bytes.length) return new Response(null, { status: 416 });
  const end = match[2] === "" ? bytes.length : Math.min(Number(match[2]) + 1, bytes.length);
  headers.set("content-range", `bytes ${start}-${end - 1}/${bytes.length}`);
  setLength(behaviour, headers, end - start);
  return new Response(body(behaviour, bytes.subarray(start, end)), { status: 206, headers });
}

/** A server that cuts quietly must not announce a length. */
function setLength({ cut }: ServerBehaviour, headers: Headers, length: number): void {
  if (!cut?.quietly) headers.set("content-length", String(length));
}

/** The body, cut or stalled where the behaviour says so. */
function body(
  behaviour: ServerBehaviour,
  bytes: Uint8Array<ArrayBuffer>,
): ReadableStream<Uint8Array> | Uint8Array<ArrayBuffer> {
  const { cut } = behaviour;
  if (behaviour.stall) return new ReadableStream({});
  if (!cut || cut.times === 0 || cut.afterBytes >= bytes.length) return bytes;
  cut.times--;
  let sent = false;
  return new ReadableStream({
    async pull(controller) {
      if (!sent && cut.afterBytes > 0) {
        sent = true;
        controller.enqueue(bytes.slice(0, cut.afterBytes));
        return;
      }
      // What was sent must reach the client before the connection breaks.
      await new Promise((resolve) => setTimeout(resolve, 30));
      if (cut.quietly) controller.close();
      else controller.error(new Error("cut on purpose"));
    },
  });
}
