/** Serves the files of a folder to one browser and waits for the outcome that a page posts. Listens on 127.0.0.1 only. */
import * as fs from "node:fs";
import { extname, join, normalize } from "node:path";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".wasm": "application/wasm",
};

/** Headers of every answer. */
export type PageHeaders = Readonly<Record<string, string>>;

/** The headers that make a page cross-origin isolated. */
export const ISOLATION: PageHeaders = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
};

/** A running server. */
export interface PageServer {
  readonly origin: string;
  /** What the next page posts to `/outcome`. */
  outcome(): Promise<unknown>;
  close(): Promise<void>;
}

/** Serves `folder`, and the file `model` as `/model.gguf`. */
export function startPageServer(folder: string, model: string, headers: PageHeaders): PageServer {
  let tell: (outcome: unknown) => void = () => {};
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const { pathname } = new URL(request.url);
      if (pathname === "/outcome") {
        tell(await request.json());
        return new Response(null, { status: 204 });
      }
      const path = pathname === "/model.gguf" ? model : join(folder, normalize(pathname));
      if (!fs.existsSync(path)) return new Response(null, { status: 404 });
      return fileResponse(path, request.headers.get("range"), headers);
    },
  );
  return {
    origin: `http://127.0.0.1:${server.addr.port}`,
    outcome: () => new Promise((resolve) => tell = resolve),
    close: () => server.shutdown(),
  };
}

function fileResponse(path: string, range: string | null, own: PageHeaders): Response {
  const bytes = fs.readFileSync(path);
  const headers = new Headers({
    "content-type": TYPES[extname(path)] ?? "application/octet-stream",
    ...own,
  });
  const match = /^bytes=(\d+)-(\d*)$/.exec(range ?? "");
  if (!match) return new Response(bytes, { headers });
  const [start, end] = [Number(match[1]), Math.min(Number(match[2] || Infinity), bytes.length - 1)];
  headers.set("content-range", `bytes ${start}-${end}/${bytes.length}`);
  return new Response(bytes.subarray(start, end + 1), { status: 206, headers });
}
