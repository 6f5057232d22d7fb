/** Connections that no client should make: each is answered with 4xx or closed, and the service lives. */
import { assert, assertEquals } from "@std/assert";
import { type ApiServer, startApiServer } from "../support/api_server.ts";
import { exchange, head, type Part, postOf } from "../support/raw_http.ts";

const CHAT = "/v1/chat/completions";
const BODY = JSON.stringify({ messages: [{ role: "user", content: "hi" }], max_tokens: 2 });
const CLOSE = "Connection: close";
const JSON_TYPE = "Content-Type: application/json";

async function expectAlive(server: ApiServer): Promise<void> {
  const { statuses, text } = await exchange(server.port, postOf(CHAT, BODY));
  assertEquals(statuses, [200], text);
  assertEquals(server.faults, []);
  const { slots, queued } = await server.engine.status();
  assertEquals([slots.filter(({ model }) => model).length, queued], [0, 0]);
}

/** Every response is 4xx; a connection without any was closed by the server. */
async function expectRefused(
  server: ApiServer,
  cases: Readonly<Record<string, readonly Part[]>>,
): Promise<void> {
  for (const [name, parts] of Object.entries(cases)) {
    const { statuses, text, isClosed } = await exchange(server.port, parts);
    const what = `${name}: ${text.slice(0, 300)}`;
    assert(isClosed, what);
    assert(statuses.every((status) => status >= 400 && status < 500), what);
  }
  await expectAlive(server);
}

Deno.test("api: heads that are none, or of another protocol", async () => {
  await using server = await startApiServer();
  const line = (text: string) => head(text, CLOSE);
  await expectRefused(server, {
    "bytes": [new Uint8Array(2_000).map((_, i) => i * 37), "\r\n\r\n"],
    "TLS": [new Uint8Array([0x16, 3, 1, 0, 5, 1, 0, 0, 1, 0]), "\r\n\r\n"],
    "HTTP/2": ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
    "HTTP/9": [line("GET /health HTTP/9.9")],
    "no path": [line("GET  HTTP/1.1")],
    "no host": [`GET /health HTTP/1.1\r\n${CLOSE}\r\n\r\n`],
    "a NUL in a header": [head("GET /health HTTP/1.1", "X: a\0b", CLOSE)],
    "a blank before a colon": [head("GET /health HTTP/1.1", "X : a", CLOSE)],
    "a folded header": [head("GET /health HTTP/1.1", "X: a\r\n b", CLOSE)],
    "a header without a name": [head("GET /health HTTP/1.1", ": a", CLOSE)],
    "bytes that are no UTF-8 in a path": [
      ...["GET /", new Uint8Array([0xff, 0xfe])],
      line(" HTTP/1.1"),
    ],
  });
});

Deno.test("api: floods of headers and endless lines", async () => {
  await using server = await startApiServer();
  const flood = (count: number) => Array.from({ length: count }, (_, i) => `X-${i}: ${i}`);
  const long = "a".repeat(1 << 20);
  await expectRefused(server, {
    "10,000 headers": [head("GET /health HTTP/1.1", ...flood(10_000), CLOSE)],
    "a header of 1 MB": [head("GET /health HTTP/1.1", `X: ${long}`, CLOSE)],
    "a name of 1 MB": [head("GET /health HTTP/1.1", `${long}: 1`, CLOSE)],
    "a key of 1 MB": [head("GET /v1/models HTTP/1.1", `Authorization: Bearer ${long}`, CLOSE)],
    "a path of 1 MB": [head(`GET /${long} HTTP/1.1`, CLOSE)],
    "a method of 1 MB": [head(`${long} / HTTP/1.1`, CLOSE)],
    "a line that never ends": [...Array.from({ length: 64 }, () => "b".repeat(65_536))],
  });
});

Deno.test("api: methods that are not there", async () => {
  await using server = await startApiServer();
  const methods = ["FOO", "get", "TRACE", "CONNECT", "PATCH", "PUT", "DELETE", "OPTIONS", "GET"];
  const paths = [CHAT, "/v1/completions", "/api/chat", "/completion", "/tokenize"];
  const cases = methods.flatMap((method) =>
    paths.map((path) => [`${method} ${path}`, [head(`${method} ${path} HTTP/1.1`, CLOSE)]] as const)
  );
  await expectRefused(server, Object.fromEntries(cases));
  const posts = ["/health", "/v1/models", "/openapi.json", "/metrics"].map((path) =>
    [path, postOf(path, BODY)] as const
  );
  await expectRefused(server, Object.fromEntries(posts));
  const answer = await exchange(server.port, [head(`PUT ${CHAT} HTTP/1.1`, CLOSE)]);
  assertEquals(answer.statuses, [405]);
  assert(/\r\nallow: POST\r\n/i.test(answer.text), answer.text);
});

Deno.test("api: paths that want to get out", async () => {
  await using server = await startApiServer();
  const paths = [
    ...["/../../etc/passwd", "/v1/models/../../../../etc/passwd", "/..%2f..%2fetc%2fpasswd"],
    ...["/v1/models/%2e%2e%2f%2e%2e%2fetc%2fpasswd", "/v1/models/%00", "/v1/models/tiny%00.gguf"],
    ...["/v1/models/%ff", "/v1/models/%zz", "/v1/models/%", "//etc/passwd", "/\\..\\..\\etc"],
    ...["/v1/models/__proto__", "/models/constructor", "/v1//chat/completions", "/*", "/%0d%0aX:1"],
    ...["/v1/models/tiny/", "/openapi.json/", "/docs/../package.json", "/file:///etc/passwd"],
    ...[
      "/props?model=../../etc/passwd",
      "/props?model=%00",
      "/?/../x/../../y#z",
      "/v1/models?x[]=%",
    ],
  ];
  for (const path of paths) {
    const { statuses, text } = await exchange(server.port, [head(`GET ${path} HTTP/1.1`, CLOSE)]);
    assertEquals(statuses.length, 1, `${path}: ${text}`);
    assert(statuses[0] < 500, `${path}: ${text.slice(0, 300)}`);
    assert(!text.includes("root:") && !/\.ts\b/.test(text), `${path}: ${text.slice(0, 300)}`);
    const leadsOut = path.includes("..") && !path.startsWith("/?");
    if (leadsOut) assert(statuses[0] === 404 || statuses[0] === 400, path);
  }
  await expectAlive(server);
});

Deno.test("api: hosts and origins that are none", async () => {
  await using server = await startApiServer();
  const hosts = [
    "",
    "a b",
    "[::1",
    "a:99999999",
    "<script>",
    "\u00e9",
    "a,b",
    "a@b",
    "127.0.0.1:x",
  ];
  for (const host of hosts) {
    for (const origin of ["http://a", "null", "http://[", "://", "http://127.0.0.1:x"]) {
      const lines = [`Host: ${host}`, `Origin: ${origin}`, JSON_TYPE, CLOSE, "Content-Length: 2"];
      const request = [`POST ${CHAT} HTTP/1.1`, ...lines, "", "{}"].join("\r\n");
      const { statuses, text } = await exchange(server.port, [request]);
      assertEquals(statuses.length, 1, `${host} ${origin}`);
      assert(statuses[0] >= 400 && statuses[0] < 500, `${host} ${origin}: ${text}`);
    }
  }
  await expectAlive(server);
});

Deno.test("api: who sends slowly, or stops, is let go", async () => {
  await using server = await startApiServer({
    ...{ listen: { headTimeoutMs: 400 }, app: { bodyTimeoutMs: 400 } },
  });
  const post = head(`POST ${CHAT} HTTP/1.1`, JSON_TYPE, `Content-Length: ${BODY.length}`);
  const chunked = head(`POST ${CHAT} HTTP/1.1`, JSON_TYPE, "Transfer-Encoding: chunked");
  const drip = (text: string) => [...text].flatMap((letter) => [letter, 50]);
  const cases: Readonly<Record<string, readonly Part[]>> = {
    "nothing at all": [],
    "half a first line": ["GET /hea"],
    "half a head": ["GET /health HTTP/1.1\r\nHost: a\r\n"],
    "a head by the letter": drip(head("GET /health HTTP/1.1")),
    "headers that never end": [
      "GET /health HTTP/1.1\r\n",
      ...Array.from({ length: 60 }, (_, i) => [`X-${i}: 1\r\n`, 20]).flat(),
    ],
    "no body": [post],
    "half a body": [post, BODY.slice(0, 10)],
    "a body by the letter": [post, ...drip(BODY)],
    "half a chunk": [chunked, "ff\r\n{"],
    "chunks without an end": [
      chunked,
      ...Array.from({ length: 40 }, () => ["1\r\n \r\n", 20]).flat(),
    ],
    "a promise that is not kept": [post.replace("\r\n\r\n", "\r\nExpect: 100-continue\r\n\r\n")],
  };
  await Promise.all(
    Object.entries(cases).map(async ([name, parts]) => {
      const { statuses, text, isClosed, durationMs } = await exchange(server.port, parts);
      const what = `${name}: ${durationMs} ms, ${text.slice(0, 200)}`;
      assert(isClosed && durationMs < 5_000, what);
      assert(statuses.every((status) => status === 408), what);
    }),
  );
  await expectAlive(server);
});

Deno.test("api: connections that close one half, or in the middle", async () => {
  await using server = await startApiServer();
  const post = head(`POST ${CHAT} HTTP/1.1`, JSON_TYPE, `Content-Length: ${BODY.length}`);
  const cases: Readonly<Record<string, readonly Part[]>> = {
    "nothing": [],
    "half a head": ["POST /v1/ch"],
    "half a body": [post, BODY.slice(0, 10)],
    "a whole request": [post, BODY],
    "a chunk": [head(`POST ${CHAT} HTTP/1.1`, JSON_TYPE, "Transfer-Encoding: chunked"), "5\r\n{"],
  };
  for (const [name, parts] of Object.entries(cases)) {
    const { isClosed, statuses } = await exchange(server.port, parts, { closeWrite: true });
    assert(isClosed, name);
    assert(statuses.every((status) => status < 500), name);
  }
  await expectAlive(server);
});

Deno.test("api: requests one after the other on one connection, and junk among them", async () => {
  await using server = await startApiServer();
  const health = head("GET /health HTTP/1.1");
  const [start, body] = postOf(CHAT, BODY).map((part) =>
    typeof part === "string" ? part.replace(`${CLOSE}\r\n`, "") : part
  );
  const last = head("GET /health HTTP/1.1", CLOSE);
  const all = await exchange(server.port, [health, start, body, health, start, body, last]);
  assertEquals(all.statuses, [200, 200, 200, 200, 200], all.text);

  const junk = await exchange(server.port, [health, "\0\x01 junk\r\n\r\n", health]);
  assert(junk.isClosed && junk.statuses.every((status) => status === 200 || status === 400));
  const tooLong = await exchange(server.port, [start, body, BODY, "\r\n\r\n", health]);
  assert(tooLong.isClosed && tooLong.statuses.every((status) => status === 200 || status === 400));
  const chunked = head(`POST ${CHAT} HTTP/1.1`, JSON_TYPE, "Transfer-Encoding: chunked");
  const chunk = `${BODY.length.toString(16)}\r\n${BODY}\r\n`;
  const whole = await exchange(server.port, [chunked, chunk, "0\r\n\r\n", last]);
  assertEquals(whole.statuses, [200, 200], whole.text);
  for (
    const wrong of ["zz\r\n", "-1\r\n", "ffffffffffffffffff\r\n", "5\r\nabc", "3\r\nabcdef\r\n"]
  ) {
    const { statuses, isClosed } = await exchange(server.port, [chunked, wrong, "0\r\n\r\n"]);
    assert(isClosed && statuses.every((status) => status >= 400 && status < 500), wrong);
  }
  await expectAlive(server);
});

Deno.test("api: more connections than anybody needs", async () => {
  await using server = await startApiServer({ listen: { headTimeoutMs: 1_000 } });
  const connections: Deno.Conn[] = [];
  for (let i = 0; i < 300; i++) {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
    connections.push(connection);
    if (i % 3 === 0) await connection.write(new TextEncoder().encode("GET /health HT"));
  }
  await expectAlive(server);
  const buffer = new Uint8Array(500);
  for (const connection of connections) {
    // what the server says before it closes, and the close
    while (await connection.read(buffer).catch(() => null) !== null);
    connection.close();
  }
  await expectAlive(server);
});
