/** Tests of listen.ts over real sockets: limits, clients that leave, closing. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { connect } from "node:net";
import { once } from "node:events";
import { listen, type ListenOptions } from "./listen.ts";
import { ListenError } from "./listen_error.ts";

/** Sends bytes and gives what comes back until the server closes. */
async function exchange(port: number, text: string): Promise<{ said: string; tookMs: number }> {
  const start = performance.now();
  const socket = connect(port, "127.0.0.1");
  let said = "";
  socket.on("data", (chunk) => said += chunk);
  socket.on("error", () => {}); // closed while it writes
  socket.write(text);
  await once(socket, "close");
  return { said, tookMs: performance.now() - start };
}

/** Listens while `use` runs. */
async function listening(
  options: ListenOptions,
  fetch: (request: Request) => Response | Promise<Response>,
  use: (listener: Awaited<ReturnType<typeof listen>>) => Promise<void>,
): Promise<void> {
  const listener = await listen({ fetch }, { port: 0, ...options });
  try {
    await use(listener);
  } finally {
    await listener.close({ graceMs: 0 });
  }
}

const hello = () => new Response("hello");

Deno.test("listen: answers at its URL, with the connection in the environment", async () => {
  const addresses: unknown[] = [];
  const app = {
    fetch(_: Request, env: { incoming: { socket: { remoteAddress?: string } } }) {
      addresses.push(env.incoming.socket.remoteAddress);
      return hello();
    },
  };
  const listener = await listen(app, { port: 0 });
  assertEquals(await (await fetch(`${listener.url}/x`)).text(), "hello");
  assertEquals([listener.url, addresses], [`http://127.0.0.1:${listener.port}`, ["127.0.0.1"]]);
  await listener.close();
  await assertRejects(() => fetch(listener.url), TypeError);
});

Deno.test("listen: a port that is taken, a host that is not here", async () => {
  await listening({}, hello, async ({ port }) => {
    const error = await assertRejects(() => listen({ fetch: hello }, { port }), ListenError);
    assertEquals(error.message, `Cannot listen on port ${port} of 127.0.0.1: the port is in use`);
    assertEquals((error as ListenError).code, "EADDRINUSE");
  });
  const elsewhere = { host: "192.0.2.1", port: 0 }; // for documentation (RFC 5737)
  await assertRejects(() => listen({ fetch: hello }, elsewhere), ListenError, "no such address");
  const nowhere = { host: "nowhere.invalid", port: 0 };
  await assertRejects(() => listen({ fetch: hello }, nowhere), ListenError, "no such host");
});

Deno.test("listen: heads that are too large or too slow, and idle connections, do not stay", async () => {
  const limits = { maxHeadBytes: 2_000, headTimeoutMs: 400, idleTimeoutMs: 300 };
  await listening(limits, hello, async ({ port, url }) => {
    const head = "GET / HTTP/1.1\r\nHost: a\r\n";
    const flood = await exchange(port, `${head}X: ${"x".repeat(4_000)}\r\n\r\n`);
    assertStringIncludes(flood.said, "HTTP/1.1 431 ");
    const slow = await exchange(port, `${head}X: `);
    assertStringIncludes(slow.said, "HTTP/1.1 408 ");
    assert(slow.tookMs < 5_000, `${slow.tookMs} ms`);
    const silent = await exchange(port, "");
    assert(silent.tookMs < 5_000, `${silent.tookMs} ms`);
    const idle = await exchange(port, `${head}\r\n`);
    assertStringIncludes(idle.said, "HTTP/1.1 200 ");
    assert(idle.tookMs < 5_000, `${idle.tookMs} ms`);
    const garbage = await exchange(port, "\u0000\u0001\r\n\r\n");
    assertStringIncludes(garbage.said, "HTTP/1.1 400 ");
    assertEquals(await (await fetch(url)).text(), "hello");
  });
});

Deno.test("listen: connections beyond the most are closed", async () => {
  await listening({ maxConnections: 2, headTimeoutMs: 60_000 }, hello, async ({ port }) => {
    const open = [1, 2].map(() => connect(port, "127.0.0.1"));
    await Promise.all(open.map((socket) => once(socket, "connect")));
    const { said } = await exchange(port, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assertEquals(said, "");
    for (const socket of open) socket.destroy();
  });
});

/** A stream of ticks until it is cancelled, or `ended` says so. */
function ticks(state: { cancelled: number; isOver?: boolean }): Response {
  let timer: ReturnType<typeof setInterval>;
  return new Response(
    new ReadableStream({
      start(controller) {
        timer = setInterval(() => {
          controller.enqueue(new TextEncoder().encode("tick\n"));
          if (!state.isOver) return;
          clearInterval(timer);
          controller.close();
        }, 5);
      },
      cancel() {
        clearInterval(timer);
        state.cancelled++;
      },
    }),
  );
}

Deno.test("listen: a client that goes away cancels its answer and aborts its request", async () => {
  const state = { cancelled: 0, aborted: 0 };
  const answer = (request: Request) => {
    request.signal.addEventListener("abort", () => state.aborted++);
    return ticks(state);
  };
  await listening({}, answer, async ({ url }) => {
    for (let i = 0; i < 3; i++) {
      const leaving = new AbortController();
      const { body } = await fetch(url, { signal: leaving.signal });
      await body!.getReader().read();
      leaving.abort();
    }
    for (let i = 0; i < 200 && state.cancelled < 3; i++) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    assertEquals(state, { cancelled: 3, aborted: 3 });
  });
});

Deno.test("listen: closing waits for answers on their way, and not for idle connections", async () => {
  const state = { cancelled: 0, isOver: false };
  const listener = await listen({ fetch: () => ticks(state) }, { port: 0 });
  const idle = connect(listener.port, "127.0.0.1");
  await once(idle, "connect");
  const { body } = await fetch(listener.url);
  const text = new Response(body).text();
  const closed = listener.close({ graceMs: 10_000 });
  setTimeout(() => state.isOver = true, 100);
  assertEquals((await text).endsWith("tick\n"), true);
  const start = performance.now();
  await closed;
  assert(performance.now() - start < 2_000);
  assertEquals(state.cancelled, 0);
});

Deno.test("listen: closing ends what goes on for too long", async () => {
  const state = { cancelled: 0 };
  const listener = await listen({ fetch: () => ticks(state) }, { port: 0 });
  const { body } = await fetch(listener.url);
  const reading = assertRejects(() => new Response(body).text());
  await listener.close({ graceMs: 50 });
  await reading;
  assertEquals(state.cancelled, 1);
});
