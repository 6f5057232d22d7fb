/** Tests of /tokenize, /detokenize and /apply-template. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { changedModel } from "../../../../../tests/support/changed_model.ts";
import { scriptedApp } from "../../../../../tests/support/scripted_app.ts";

/** The scripted model's tokens are bytes. */
const app = () => scriptedApp({ content: [] });

async function ask(path: string, body: object, on = app()): Promise<[number, unknown]> {
  const response = await on.post(path, body);
  const answer = await response.json();
  assertEquals(on.engine.open, 0);
  return [response.status, answer];
}

Deno.test("tokenize: ids, or pieces that are bytes where they are no text", async () => {
  assertEquals(await ask("/tokenize", { content: "hé" }), [200, { tokens: [104, 195, 169] }]);
  const [, answer] = await ask("/tokenize", { content: "hé", with_pieces: true });
  assertEquals(answer, {
    tokens: [{ id: 104, piece: "h" }, { id: 195, piece: [195] }, { id: 169, piece: [169] }],
  });
  assertEquals(await ask("/tokenize", { content: "", with_pieces: true }), [200, { tokens: [] }]);
});

Deno.test("tokenize: control tokens count unless they shall not, BOS only if asked for", async () => {
  const asked: unknown[] = [];
  const tokenize = (_: string, options?: object) => {
    asked.push(options);
    return Promise.resolve([1]);
  };
  const on = scriptedApp({ content: [] }, {}, changedModel(() => ({ tokenize })));
  await ask("/tokenize", { content: "a" }, on);
  await ask("/tokenize", { content: "a", add_special: true, parse_special: false }, on);
  assertEquals(asked, [{ special: true, addBos: false }, { special: false, addBos: true }]);
});

Deno.test("token routes: take no place", async () => {
  const on = scriptedApp({ content: [] });
  const messages = [{ role: "user", content: "Hi" }];
  const asked = [["/tokenize", { content: "a" }], ["/detokenize", { tokens: [1] }]] as const;
  for (const [path, body] of [...asked, ["/apply-template", { messages }] as const]) {
    assertEquals((await ask(path, body, on))[0], 200);
    assertEquals(on.engine.acquired.at(-1)?.places, 0, path);
  }
});

Deno.test("detokenize: text; ids that the model has not are refused", async () => {
  assertEquals(await ask("/detokenize", { tokens: [104, 105] }), [200, { content: "hi" }]);
  const [status, answer] = await ask("/detokenize", { tokens: [1, 256] });
  assertEquals(status, 400);
  assertStringIncludes(JSON.stringify(answer), "tokens has 256, which is outside the vocabulary");
});

Deno.test("apply-template: the prompt as text", async () => {
  const messages = [{ role: "user", content: "Hi" }];
  const [status, answer] = await ask("/apply-template", { messages });
  assertEquals([status, answer], [200, { prompt: JSON.stringify(messages) }]);
});

Deno.test("tokens: wrong requests", async () => {
  const wrong: readonly (readonly [string, object, number])[] = [
    ...([["/tokenize", {}, 400], ["/tokenize", { content: 7 }, 400]] as const),
    ...([["/detokenize", { tokens: "a" }, 400], ["/detokenize", { tokens: [-1] }, 400]] as const),
    ...([["/apply-template", { messages: [] }, 400], ["/apply-template", {}, 400]] as const),
    ["/tokenize", { content: "a", model: "x" }, 404],
  ];
  for (const [path, body, status] of wrong) assertEquals((await ask(path, body))[0], status, path);
});
