/** Tests of embeddings.ts. */
import { assertAlmostEquals, assertEquals } from "@std/assert";
import { ContextFullError } from "@aha/runtime";
import { scriptedApp } from "../../../../../tests/support/scripted_app.ts";

const VECTOR = new Float32Array([0.6, 0, 0.8]);

/** A model with vectors of three numbers; tells what was asked for. */
function embedding() {
  const asked: unknown[] = [];
  const app = scriptedApp({ content: [] }, {}, (engine) => ({
    acquire: async (...args) => {
      const lease = await engine.acquire(...args);
      const facts = { ...lease.model.facts, width: 3 };
      const embed = (inputs: readonly unknown[]) => {
        asked.push(...inputs);
        if (inputs.includes("long")) return Promise.reject(new ContextFullError(600, 512));
        return Promise.resolve({ vectors: inputs.map(() => VECTOR), promptTokens: 7 });
      };
      return { ...lease, model: { ...lease.model, facts, embed } };
    },
  }));
  const ask = async (body: object) => {
    const response = await app.post("/v1/embeddings", body);
    return { status: response.status, body: await response.json() };
  };
  return { app, asked, ask };
}

Deno.test("embeddings: every field, of texts and ids", async () => {
  const { app, asked, ask } = embedding();
  const { body } = await ask({ input: ["a", "b"], model: "scripted", user: "x" });
  const numbers = [...VECTOR];
  assertEquals(body, {
    object: "list",
    data: [0, 1].map((index) => ({ object: "embedding", index, embedding: numbers })),
    model: "scripted",
    usage: { prompt_tokens: 7, total_tokens: 7 },
  });
  await ask({ input: "c" });
  await ask({ input: [1, 2] });
  await ask({ input: [[3], [4, 5]] });
  assertEquals(asked, ["a", "b", "c", [1, 2], [3], [4, 5]]);
  assertEquals(app.engine.open, 0);
});

Deno.test("embeddings: base64 is float32, least byte first", async () => {
  const { body } = await embedding().ask({ input: "a", encoding_format: "base64" });
  const bytes = Uint8Array.from(atob(body.data[0].embedding), (sign) => sign.charCodeAt(0));
  assertEquals(new DataView(bytes.buffer).getFloat32(8, true), VECTOR[2]);
  assertEquals(bytes.length, 12);
});

Deno.test("embeddings: fewer dimensions are of length 1 again, more are refused", async () => {
  const { ask } = embedding();
  const { body } = await ask({ input: "a", dimensions: 2 });
  assertEquals(body.data[0].embedding, [1, 0]);
  const full = (await ask({ input: "a", dimensions: 3 })).body.data[0].embedding;
  assertAlmostEquals(Math.hypot(...full), 1, 1e-6);
  const refused = await ask({ input: "a", dimensions: 4 });
  assertEquals([refused.status, refused.body.error.param], [400, "dimensions"]);
});

Deno.test("embeddings: what is too long, or not of the vocabulary, names the input", async () => {
  const { ask } = embedding();
  for (
    const [input, param] of [["long", "input"], [[1, 256], "input"], [[[1], [256]], "input[1]"]]
  ) {
    const { status, body } = await ask({ input });
    assertEquals([status, body.error.param], [400, param as string], body.error.message);
  }
});

Deno.test("embeddings: empty inputs are refused", async () => {
  const { ask } = embedding();
  for (const [input, param] of [["", "input"], [[], "input"], [["a", ""], "input[1]"]]) {
    const { status, body } = await ask({ input });
    assertEquals([status, body.error.param], [400, param as string], body.error.message);
  }
});
