/** Tests of /api/embed and /api/embeddings on the wire. */
import { assertAlmostEquals, assertEquals, assertStringIncludes } from "@std/assert";
import { ContextFullError } from "@aha/runtime";
import { changedModel } from "../../../../../tests/support/changed_model.ts";
import { keysOf, OLLAMA_FIELDS as FIELDS } from "../../../../../tests/support/ollama_fields.ts";
import { scriptedApp } from "../../../../../tests/support/scripted_app.ts";
import type { ServedModel } from "../../engine/served_model.ts";

/** An app whose model gives vectors of the inputs' bytes. */
function embeddingApp() {
  const embed: ServedModel["embed"] = (inputs, { truncates } = {}) => {
    const most = truncates ? 512 : Infinity;
    const prompts = inputs.map((text) => new TextEncoder().encode(String(text)).slice(0, most));
    const long = prompts.find(({ length }) => length > 512);
    if (long) return Promise.reject(new ContextFullError(long.length, 512));
    return Promise.resolve({
      vectors: prompts.map((bytes) => Float32Array.from(bytes.slice(0, 3))),
      promptTokens: prompts.reduce((sum, { length }) => sum + length, 0),
    });
  };
  return scriptedApp({ content: [] }, {}, changedModel(() => ({ embed })));
}

const ask = async (app: ReturnType<typeof embeddingApp>, path: string, body: object) => {
  const response = await app.post(path, { model: "scripted", ...body });
  return { status: response.status, answer: await response.json() };
};

Deno.test("embed: one input, many, none", async () => {
  const app = embeddingApp();
  const one = await ask(app, "/api/embed", { input: "abc", keep_alive: "1m" });
  assertEquals(keysOf(one.answer), [...FIELDS.embed].sort());
  assertEquals(one.answer.embeddings, [[97, 98, 99]]);
  assertEquals(one.answer.prompt_eval_count, 3);
  const many = await ask(app, "/api/embed", { input: ["abc", "bcd"] });
  assertEquals(many.answer.embeddings, [[97, 98, 99], [98, 99, 100]]);
  for (const input of ["", [], undefined, null]) {
    assertEquals((await ask(app, "/api/embed", { input })).answer.embeddings, []);
  }
  assertEquals(app.engine.acquired[0]?.keepAliveMs, 60_000);
  assertEquals(app.engine.open, 0);
});

Deno.test("embed: fewer dimensions have length 1 again", async () => {
  const { answer } = await ask(embeddingApp(), "/api/embed", { input: "abc", dimensions: 2 });
  const [[a, b, ...more]] = answer.embeddings;
  assertEquals(more, []);
  assertAlmostEquals(Math.hypot(a, b), 1, 1e-6);
  assertAlmostEquals(a / b, 97 / 98, 1e-6);
  const all = await ask(embeddingApp(), "/api/embed", { input: "abc", dimensions: 9 });
  assertEquals(all.answer.embeddings, [[97, 98, 99]]);
});

Deno.test("embed: what is longer than the context is cut, or refused", async () => {
  const app = embeddingApp();
  const input = "a".repeat(600);
  const cut = await ask(app, "/api/embed", { input });
  assertEquals([cut.status, cut.answer.prompt_eval_count], [200, 512]);
  const refused = await ask(app, "/api/embed", { input, truncate: false });
  assertEquals(refused.status, 400);
  assertStringIncludes(refused.answer.error, "600 tokens does not fit the context of 512");
  assertEquals(app.engine.open, 0);
});

Deno.test("embed: wrong inputs", async () => {
  const app = embeddingApp();
  const many = Array<string>(2049).fill("a");
  const bodies = [{ input: 7 }, { input: [7] }, { input: "a", dimensions: -1 }];
  for (const body of [...bodies, { input: ["a", ""] }, { input: many }]) {
    assertEquals((await ask(app, "/api/embed", body)).status, 400);
  }
  assertEquals((await ask(app, "/api/embed", { model: "x", input: "a" })).status, 404);
});

Deno.test("embeddings: the older form", async () => {
  const app = embeddingApp();
  const { answer } = await ask(app, "/api/embeddings", { prompt: "abc" });
  assertEquals(answer, { embedding: [97, 98, 99] });
  assertEquals((await ask(app, "/api/embeddings", {})).answer, { embedding: [] });
});
