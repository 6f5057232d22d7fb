/** `aha bench` on a fixture model: the JSON contract and that spreads are ordered. Asserts no speed. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { runAha } from "../support/captured_io.ts";
import { fixturePath } from "../support/fixture.ts";
import { assertFails, FAILED, WRONG_USAGE } from "../support/failing_command.ts";

const MODEL = fixturePath("models/llama_untied/gguf/model-Q8_0.gguf");
const SHORT = ["--prompt", "20", "--generate", "6", "--repeat", "4"];

Deno.test("aha bench --json: exactly the fields of the contract", async () => {
  const { code, out, error } = await runAha(["bench", MODEL, ...SHORT, "--threads", "1", "--json"]);
  assertEquals([code, error], [0, ""]);
  const { pp, tg, ...rest } = JSON.parse(out);
  const variant = rest.variant;
  assertEquals(rest, { model: MODEL, variant, threads: 1, prompt: 20, generate: 6, batch: 1 });
  assertEquals(typeof variant, "string");
  for (const spread of [pp, tg]) {
    assertEquals(Object.keys(spread), ["min", "median", "max"]);
    assert(0 < spread.min && spread.min <= spread.median && spread.median <= spread.max, out);
    assert(Number.isFinite(spread.max));
  }
});

Deno.test("aha bench: a line for each, with what was measured", async () => {
  const { code, out } = await runAha(["bench", MODEL, ...SHORT]);
  assertEquals(code, 0);
  const spread = String.raw`\d+\.\d tokens/s \(\d+\.\d to \d+\.\d\)`;
  assertMatch(out, new RegExp(String.raw`^pp20 +${spread}\ntg6 +${spread}\n$`));
});

Deno.test("aha bench --batch: sequences at once, also more than one context holds", async () => {
  const words = ["--prompt", "4", "--generate", "40", "--repeat", "1", "--batch", "9"];
  const json = await runAha(["bench", MODEL, ...words, "--ctx", "64", "--json"]);
  assertEquals([json.code, json.error], [0, ""]);
  const { batch, tg } = JSON.parse(json.out);
  assertEquals(batch, 9);
  assert(tg.min > 0 && Number.isFinite(tg.max));
  assertMatch((await runAha(["bench", MODEL, ...words])).out, /^pp4 .*\ntg40x9 +\d/);
  await assertFails(["bench", MODEL, "--batch", "0"], WRONG_USAGE, "--batch");
});

Deno.test("aha bench: what does not fit the context is refused, not cut", async () => {
  for (const words of [["--prompt", "512"], ["--prompt", "9", "--generate", "600"]]) {
    await assertFails(["bench", MODEL, ...words], FAILED, "The context of 512 tokens is too small");
  }
  await assertFails(["bench", MODEL], FAILED, "--prompt 512 and --generate 128 need 513");
});
