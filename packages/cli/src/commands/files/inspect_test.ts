/** Tests of inspect.ts over a fixture model and over small files made for the purpose. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { runAha } from "../../../../../tests/support/captured_io.ts";
import { fixturePath } from "../../../../../tests/support/fixture.ts";
import {
  ggufBytes,
  type GgufSpec,
  plainMetadata,
} from "../../../../../tests/support/gguf_bytes.ts";

const MODEL = fixturePath("models/llama_untied/gguf/model-F16.gguf");

async function inspectBytes(spec: GgufSpec | Uint8Array, ...flags: string[]) {
  const path = await Deno.makeTempFile({ suffix: ".gguf" });
  try {
    await Deno.writeFile(path, spec instanceof Uint8Array ? spec : ggufBytes(spec));
    return await runAha(["inspect", path, ...flags]);
  } finally {
    await Deno.remove(path);
  }
}

Deno.test("aha inspect: --json tells sizes, formats, tokenizer, plan and tensors", async () => {
  const { code, out, error } = await runAha(["inspect", MODEL, "--json"]);
  assertEquals([code, error], [0, ""]);
  const summary = JSON.parse(out);
  assertEquals([summary.model, summary.sizeBytes], [MODEL, Deno.statSync(MODEL).size]);
  assertEquals(
    [summary.architecture, summary.layers, summary.width, summary.heads, summary.kvHeads],
    ["llama", 2, 64, 8, 2],
  );
  assertEquals(summary.tokenizer.tokens, 384);
  const types = summary.types as { tensors: number; parameters: number; sizeBytes: number }[];
  const total = (pick: (share: typeof types[number]) => number) =>
    types.reduce((sum, share) => sum + pick(share), 0);
  assertEquals(total(({ tensors }) => tensors), summary.tensors.length);
  assertEquals(total(({ parameters }) => parameters), summary.parameters);
  assertEquals(total(({ sizeBytes }) => sizeBytes), summary.tensorBytes);
  const head = summary.tensors.find((tensor: { name: string }) => tensor.name === "output.weight");
  assertEquals([head.type, head.shape, head.sizeBytes], ["F16", [64, 384], 64 * 384 * 2]);
  const { plan } = summary;
  assertEquals(
    plan.weightBytes + plan.kvBytes + plan.activationBytes + plan.overheadBytes,
    plan.totalBytes,
  );
});

Deno.test("aha inspect: the text names the same, --plan only the memory", async () => {
  const { out } = await runAha(["inspect", MODEL]);
  for (
    const part of [
      "architecture   llama: 2 layers, width 64, 8 heads over 2 KV heads",
      "number formats\n  F16 ",
      "memory         ",
      "chat template  ",
      "  output.weight ",
    ]
  ) assertStringIncludes(out, part);
  const plan = await runAha(["inspect", MODEL, "--plan"]);
  assertMatch(plan.out, /^memory +[\d.]+ MiB for a context of \d+ tokens\n {2}weights /);
  assert(!plan.out.includes("output.weight"));
});

Deno.test("aha inspect: a model that cannot run yet is still described", async () => {
  const spec = {
    metadata: plainMetadata({ "general.architecture": "mamba", "general.name": "a\u001b[2Jb" }),
    tensors: [
      { name: "token_embd.weight", dims: [32, 4], type: "Q8_0" },
      { name: "x", dims: [256], type: "IQ2_XXS" },
    ],
  };
  const { code, out } = await inspectBytes(spec);
  assertEquals(code, 0);
  assertStringIncludes(out, "not known: The architecture mamba is not supported yet");
  assertStringIncludes(out, "a\\u001b[2Jb");
  const json = JSON.parse((await inspectBytes(spec, "--json")).out);
  assertEquals([json.plan, json.tokenizer, json.chatTemplate], [null, null, null]);
  assertStringIncludes(json.planProblem, "mamba");
  assertEquals(json.types.map(({ type }: { type: string }) => type), ["Q8_0", "IQ2_XXS"]);
});

Deno.test("aha inspect: a file without tensors and keys is described", async () => {
  const { code, out } = await inspectBytes({});
  assertEquals(code, 0);
  assertStringIncludes(out, "architecture   unknown");
});

Deno.test("aha inspect: bad files give one line and exit code 1", async () => {
  const cases: [Uint8Array, string][] = [
    [new Uint8Array(0), "the file is empty"],
    [ggufBytes({ metadata: plainMetadata({ a: "b" }) }).slice(0, 30), "ends"],
    [new TextEncoder().encode("<html>"), "HTML page"],
  ];
  for (const [bytes, message] of cases) {
    const ended = await inspectBytes(bytes);
    assertEquals([ended.code, ended.out], [1, ""]);
    assertMatch(ended.error, /^aha: [^\n]+\n$/);
    assertStringIncludes(ended.error, message);
  }
  const missing = await runAha(["inspect", "no/such.gguf"]);
  assertEquals(missing.error, "aha: Cannot open no/such.gguf: there is no such file\n");
});
