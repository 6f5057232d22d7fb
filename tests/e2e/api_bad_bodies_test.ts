/** Bodies that no client should send, to every route that reads one: always 4xx, and the service lives. */
import { assert, assertEquals } from "@std/assert";
import { type ApiServer, startApiServer } from "../support/api_server.ts";
import { exchange, head, postOf } from "../support/raw_http.ts";

const MEBIBYTE = 1 << 20;
const MESSAGES = [{ role: "user", content: "hi" }];

/** A good request of every route, each of whose fields is then made wrong. */
const ROUTES: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  "/v1/chat/completions": { messages: MESSAGES, max_tokens: 2, seed: 1, stop: ["x"] },
  "/chat/completions": { messages: MESSAGES, max_tokens: 2, stream: true },
  "/beta/chat/completions": { messages: MESSAGES, max_tokens: 2, top_p: 0.5, n: 2 },
  "/v1/completions": { prompt: "hi", max_tokens: 2, logit_bias: { 5: 1 } },
  "/v1/responses": { input: "hi", max_output_tokens: 2, text: { format: { type: "text" } } },
  "/v1/embeddings": { input: ["hi"], dimensions: 3 },
  "/api/chat": { model: "tiny", messages: MESSAGES, options: { num_predict: 2 } },
  "/api/generate": { model: "tiny", prompt: "hi", options: { num_predict: 2 }, stream: false },
  "/api/embed": { model: "tiny", input: "hi" },
  "/api/embeddings": { model: "tiny", prompt: "hi" },
  "/api/show": { model: "tiny" },
  "/completion": { prompt: [5, 6], n_predict: 2 },
  "/tokenize": { content: "hi" },
  "/detokenize": { tokens: [5, 6] },
  "/apply-template": { messages: MESSAGES },
};

const bytes = (...values: number[]) => new Uint8Array(values);
const nested = (depth: number, open: string, close: string) =>
  `{"messages":${open.repeat(depth)}1${close.repeat(depth)}}`;

/** What is no body of a request at all. */
const NO_BODIES: Readonly<Record<string, string | Uint8Array>> = {
  "nothing": "",
  "blanks": " \r\n\t ",
  "a NUL": "\0",
  "NULs": new Uint8Array(1_000),
  "half an object": '{"messages":[{"role":"user","content":"hi"',
  "two objects": "{}{}",
  "a comment": '{"a":1/*b*/}',
  "a lone quote": '"',
  "a raw line end in a string": '{"model":"a\nb"}',
  "a raw NUL in a string": '{"model":"a\0b"}',
  "NaN": '{"max_tokens":NaN}',
  "hexadecimal": '{"max_tokens":0x10}',
  "a trailing comma": '{"max_tokens":1,}',
  "a number alone": "5",
  "a huge number alone": "1e999",
  "null": "null",
  "true": "true",
  "a string": '"text"',
  "a list": "[]",
  "a form": "messages=hi&max_tokens=1",
  "XML": "<?xml version='1.0'?><a/>",
  "a mark of byte order alone": bytes(0xef, 0xbb, 0xbf),
  "UTF-16": bytes(0xff, 0xfe, 0x7b, 0, 0x7d, 0),
  "bytes that are no UTF-8": bytes(0x7b, 0x22, 0xff, 0x22, 0x7d),
  "half a character": bytes(0x22, 0xe2, 0x82),
  "an overlong character": bytes(0x22, 0xc0, 0xaf, 0x22),
  "a surrogate in UTF-8": bytes(0x22, 0xed, 0xa0, 0x80, 0x22),
  "lists in lists": nested(100_000, "[", "]"),
  "objects in objects": nested(100_000, '{"a":', "}"),
  "brackets that never end": "[".repeat(1_000_000),
  "10 MB of blanks": " ".repeat(10 * MEBIBYTE),
  "10 MB of text": JSON.stringify({ messages: "x".repeat(10 * MEBIBYTE) }),
};

/** Values that no field takes, whatever its type. */
const NO_VALUES: readonly string[] = [
  "-1e308",
  "1e400",
  "-0.5",
  "123456789012345678901234567890",
  '{"__proto__":{"a":1},"constructor":[[]]}',
  "[[[[[[1]]]]]]",
  '[{"role":5}]',
  '[null,""]',
];

/** The service lives: it answers, without any fault of its own, and holds nothing. */
async function expectAlive(server: ApiServer): Promise<void> {
  const response = await server.post("/v1/chat/completions", { messages: MESSAGES, max_tokens: 3 });
  assertEquals(response.status, 200);
  assertEquals((await response.json()).usage.completion_tokens, 3);
  assertEquals(server.faults, []);
  const { slots, queued, models } = await server.engine.status();
  assertEquals([slots.filter(({ model }) => model).length, queued], [0, 0]);
  assertEquals([models[0].load?.running, models[0].load?.usedPages], [0, 0]);
}

Deno.test("api: bodies that are no request are refused by every route", async () => {
  await using server = await startApiServer();
  for (const path of Object.keys(ROUTES)) {
    for (const [name, body] of Object.entries(NO_BODIES)) {
      const what = `${path} with ${name}`;
      const { statuses, text } = await exchange(server.port, postOf(path, body));
      assertEquals(statuses.length, 1, `${what}: ${text.slice(0, 200)}`);
      assert(statuses[0] >= 400 && statuses[0] < 500, `${what}: ${text.slice(0, 600)}`);
      const answer = JSON.parse(text.slice(text.indexOf("\r\n\r\n") + 4));
      const message = path.startsWith("/api/") ? answer.error : answer.error.message;
      assert(typeof message === "string" && !/:\d+:\d+|\/src\/|\.ts\b/.test(message), text);
    }
  }
  await expectAlive(server);
});

Deno.test("api: wrong values of every field are refused, or harmless", async () => {
  await using server = await startApiServer();
  for (const [path, good] of Object.entries(ROUTES)) {
    for (const field of Object.keys(good)) {
      for (const value of NO_VALUES) {
        const rest = Object.entries(good).filter(([name]) => name !== field);
        const fields = rest.map(([name, other]) =>
          `${JSON.stringify(name)}:${JSON.stringify(other)}`
        );
        const body = `{${[...fields, `${JSON.stringify(field)}:${value}`].join(",")}}`;
        const { statuses, text } = await exchange(server.port, postOf(path, body));
        assert(statuses[0] < 500, `${path} ${body}: ${text.slice(0, 600)}`);
      }
    }
  }
  await expectAlive(server);
});

Deno.test("api: heads that lie about their bodies", async () => {
  await using server = await startApiServer();
  const path = "/v1/chat/completions";
  const body = JSON.stringify({ messages: MESSAGES, max_tokens: 1 });
  const type = "Content-Type: application/json";
  const refused: Readonly<Record<string, readonly string[]>> = {
    "no type": [`Content-Length: ${body.length}`],
    "another type": ["Content-Type: text/html", `Content-Length: ${body.length}`],
    "a compressed body": [type, "Content-Encoding: gzip", `Content-Length: ${body.length}`],
    "a negative length": [type, "Content-Length: -1"],
    "a length that is no number": [type, "Content-Length: ten"],
    "two lengths": [type, "Content-Length: 1", "Content-Length: 2"],
    "a length beyond all numbers": [type, "Content-Length: 99999999999999999999999"],
    "a terabyte announced": [type, "Content-Length: 1000000000000"],
    "two ways to end": [type, "Content-Length: 5", "Transfer-Encoding: chunked"],
    "an unknown encoding": [type, "Transfer-Encoding: gzip"],
  };
  for (const [name, lines] of Object.entries(refused)) {
    const parts = [head(`POST ${path} HTTP/1.1`, ...lines, "Connection: close"), body];
    const { statuses, text } = await exchange(server.port, parts);
    assert(statuses[0] >= 400 && statuses[0] < 500, `${name}: ${text.slice(0, 300)}`);
  }
  await expectAlive(server);
});

/** Schemas that are none, cannot be held while drawing, or would take for ever. */
const SCHEMAS: readonly object[] = [
  ...[{ type: 5 }, { type: "text" }, { enum: [] }, { properties: 5 }, { required: "a" }],
  ...[{ $ref: "#" }, { $ref: "#/none" }, { $ref: "https://example.com/a" }, {
    $ref: "#/__proto__",
  }],
  ...[{ not: {} }, { type: "string", pattern: "(" }, { type: "string", pattern: "(?=a)b" }],
  ...["(a+)+$", "(a{1,1000}){1,1000}", "(a|b)*a(a|b){20}", ".{0,5000}x.{0,5000}"].map(
    (pattern) => ({ type: "string", pattern }),
  ),
  ...[{ type: "string", minLength: 1e9 }, { type: "array", minItems: 1e9 }],
  ...[{ type: "number", multipleOf: 1e-300 }, { type: "integer", minimum: 2, maximum: 1 }],
  { enum: Array.from({ length: 20_000 }, (_, i) => `value ${i}`) },
  { properties: Object.fromEntries(Array.from({ length: 3_000 }, (_, i) => [`p${i}`, {}])) },
];

Deno.test("api: schemas that cannot be held are the client's mistake", async () => {
  await using server = await startApiServer();
  for (const schema of SCHEMAS) {
    const json_schema = { name: "x", schema };
    const format = { type: "json_schema", json_schema };
    const base = { messages: MESSAGES, max_tokens: 4 };
    const bodies: readonly (readonly [string, object])[] = [
      ["/v1/chat/completions", { ...base, response_format: format }],
      ["/api/chat", { ...base, model: "tiny", format: schema, stream: false }],
      ["/completion", { prompt: "a", n_predict: 4, json_schema: schema }],
    ];
    for (const [path, body] of bodies) {
      const response = await server.post(path, body);
      const text = await response.text();
      assert(response.status === 200 || response.status === 400, `${path} ${text}`);
    }
  }
  await expectAlive(server);
});

Deno.test("api: values as long as bodies may be are refused in no time", async () => {
  await using server = await startApiServer({ app: { maxBodyBytes: 2 ** 23 } });
  const digits = "1".repeat(4e6);
  const words = (count: number) => Array.from({ length: count }, (_, i) => `w${i}`);
  const cases: readonly (readonly [string, object])[] = [
    ["/api/generate", { model: "tiny", prompt: "", keep_alive: digits }],
    ["/api/generate", { model: "tiny", prompt: "", keep_alive: "1h".repeat(2e6) }],
    ["/api/chat", { model: "tiny", messages: MESSAGES, options: { stop: words(2e5) } }],
    ["/completion", { prompt: "a", n_predict: 2, stop: words(2e5) }],
    ["/api/embed", { model: "tiny", input: words(1e5) }],
    ["/v1/completions", { prompt: Array(1e6).fill(5) }],
    ["/v1/chat/completions", { messages: MESSAGES, model: digits }],
    ["/v1/chat/completions", { messages: [{ role: digits, content: digits.slice(1e6) }] }],
    ["/v1/chat/completions", { messages: [{ role: "user", content: "x".repeat(1e6) }] }],
  ];
  for (const [path, body] of cases) {
    const { status } = await server.post(path, body).then(async (response) => {
      await response.body?.cancel();
      return response;
    });
    assert(status >= 400 && status < 500, `${path}: ${status}`);
  }
  await expectAlive(server);
});
