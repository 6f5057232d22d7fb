/** Tests of json_body.ts. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { ApiError } from "./errors.ts";
import { readJson } from "./json_body.ts";

const JSON_TYPE = { "content-type": "application/json" };

function posted(body: BodyInit | null, headers: HeadersInit = JSON_TYPE): Request {
  return new Request("http://local/", { method: "POST", headers, body });
}

async function kindOf(request: Request, options = {}): Promise<string> {
  const error = await assertRejects(() => readJson(request, options), ApiError);
  return (error as ApiError).kind;
}

/** A body that comes in pieces; tells how many were asked for and whether the rest was refused. */
function pieces(count: number, bytes: Uint8Array, pauseMs = 0) {
  const state = { asked: 0, isCancelled: false };
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
      if (state.isCancelled) return;
      if (state.asked++ === count) controller.close();
      else controller.enqueue(bytes);
    },
    cancel() {
      state.isCancelled = true;
    },
  }, { highWaterMark: 0 });
  return { state, body };
}

Deno.test("readJson: JSON of any kind, a mark of byte order, characters cut between pieces", async () => {
  assertEquals(await readJson(posted('{"a": [1, "{[["]}'), {}), { a: [1, "{[["] });
  assertEquals(await readJson(posted("\ufeff[]"), {}), []);
  const bytes = new TextEncoder().encode('"\u{1f600}"');
  const body = new ReadableStream({
    start(controller) {
      for (const byte of bytes) controller.enqueue(new Uint8Array([byte]));
      controller.close();
    },
  });
  assertEquals(await readJson(posted(body), {}), "\u{1f600}");
});

Deno.test("readJson: what is no JSON", async () => {
  for (const text of ["", " ", "{", '{"a":}', "nope", '{"a":1}x']) {
    assertEquals(await kindOf(posted(text)), "invalid", text);
  }
  for (const bytes of [[0x22, 0xff, 0x22], [0x22, 0xc3], [0x22, 0xed, 0xa0, 0x80, 0x22]]) {
    const error = await assertRejects(() => readJson(posted(new Uint8Array(bytes)), {}));
    assertEquals(error.message, "The body is not valid UTF-8");
  }
});

Deno.test("readJson: 64 levels are taken, more are refused before anything walks them", async () => {
  const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
  assert(await readJson(posted(nested(64)), {}));
  assertEquals(await kindOf(posted(nested(65))), "invalid");
  assertEquals(await kindOf(posted(nested(100_000))), "invalid");
  assertEquals(await kindOf(posted('{"a":'.repeat(100_000))), "invalid");
  const signs = "[".repeat(999);
  assertEquals(await readJson(posted(`["${signs}", "\\"${signs}"]`), {}), [signs, `"${signs}`]);
});

Deno.test("readJson: a body of very many values is refused before it is parsed", async () => {
  const limits = { maxBodyBytes: 1e7 };
  const list = (count: number) => `[${Array(count).fill("5").join(",")}]`;
  assertEquals((await readJson(posted(list(2 ** 18)), limits) as unknown[]).length, 2 ** 18);
  assertEquals(await kindOf(posted(list(2 ** 18 + 1)), limits), "invalid");
  const commas = ",".repeat(2 ** 18 + 1);
  assertEquals(await readJson(posted(`"${commas}"`), limits), commas);
});

Deno.test("readJson: other types of content are refused, unless any is taken", async () => {
  for (const type of ["text/plain", "application/x-www-form-urlencoded", "application/jsonp"]) {
    const request = () => posted("{}", { "content-type": type });
    assertEquals(await kindOf(request()), "media_type", type);
    assertEquals(await readJson(request(), {}, { anyContentType: true }), {});
  }
  assertEquals(await kindOf(posted(new Uint8Array([0x7b, 0x7d]), {})), "media_type");
  assertEquals(
    await kindOf(posted("{}", { ...JSON_TYPE, "content-encoding": "gzip" })),
    "media_type",
  );
  for (
    const type of ["application/json; charset=utf-8", "Application/JSON", "application/a+json"]
  ) {
    assertEquals(await readJson(posted("{}", { "content-type": type }), {}), {});
  }
});

Deno.test("readJson: a body that is too large is not read to its end", async () => {
  const limits = { maxBodyBytes: 1000 };
  const { state, body } = pieces(1_000_000, new Uint8Array(400).fill(0x20));
  assertEquals(await kindOf(posted(body), limits), "too_large");
  assert(state.asked <= 4, `${state.asked} pieces were asked for`);
  assert(state.isCancelled);
  const lying = pieces(10, new Uint8Array(400).fill(0x20));
  const short = posted(lying.body, { ...JSON_TYPE, "content-length": "5" });
  assertEquals(await kindOf(short, limits), "too_large");
  const announced = pieces(1, new Uint8Array(1));
  const long = posted(announced.body, { ...JSON_TYPE, "content-length": "1001" });
  assertEquals(await kindOf(long, limits), "too_large");
  assertEquals(announced.state.asked, 0);
  assertEquals(await readJson(posted(`"${"a".repeat(998)}"`), limits), "a".repeat(998));
});

Deno.test("readJson: who sends too slowly is not waited for", async () => {
  const { state, body } = pieces(1000, new Uint8Array([0x20]), 5);
  assertEquals(await kindOf(posted(body), { bodyTimeoutMs: 40 }), "slow_body");
  assert(state.isCancelled);
  const broken = new ReadableStream({ pull: (controller) => controller.error(new Error("reset")) });
  assertEquals(await kindOf(posted(broken)), "gone");
});
