/** Model files that are broken as files: cut, foreign, absurd, overlapping. One line, exit 1, nothing left behind. */
import { assertEquals, assertMatch } from "@std/assert";
import { mkdirSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { ahaProcess } from "../support/aha_process.ts";
import {
  type ModelSpec,
  modelSpec,
  withFolder,
  withTensor,
  writeModel,
} from "../support/edited_model.ts";
import { assertFails, assertFailure, FAILED } from "../support/failing_command.ts";
import { fixturePath } from "../support/fixture.ts";
import { ggufBytes } from "../support/gguf_bytes.ts";

const FIXTURE = "models/llama_untied/gguf/model-F32.gguf";
const WHOLE = new Uint8Array(readFileSync(fixturePath(FIXTURE)));
const SPEC = await modelSpec(FIXTURE);
const TEXT = fixturePath("models/llama_untied/expected.json");
/** First byte of the tensor data. */
const DATA_START = WHOLE.length - 131_392 * 4;

/** Every command that opens a model, on a file made for the test. */
async function refused(bytes: Uint8Array, parts: string | readonly string[]): Promise<void> {
  await withFolder(async (folder) => {
    const path = writeModel(folder, bytes);
    const ids = ["--ids", "1,2", "--max-tokens", "1"];
    for (const words of [["run", path, ...ids], ["bench", path], ["inspect", path]]) {
      await assertFails(words, FAILED, parts);
    }
    await assertFails(["detokenize", path, "--ids", "1"], FAILED, parts);
    const out = join(folder, "out.safetensors");
    await assertFails(["score", path, "--text", TEXT, "--logits", out], FAILED, parts);
    assertEquals(readdirSync(folder), ["model.gguf"]);
  });
}

Deno.test("bad file: the fixture itself is well-formed and written again byte for byte", () => {
  assertEquals(ggufBytes(SPEC), WHOLE);
});

Deno.test("bad file: empty", () => refused(new Uint8Array(0), "the file is empty"));

Deno.test("bad file: cut anywhere, in the head or in the tensor data", async () => {
  const places = [1, 3, 4, 7, 15, 24, 100, 3000, DATA_START - 40, DATA_START, DATA_START + 70_000];
  for (const length of [...places, WHOLE.length - 1]) {
    // from there on stands the list of tensors, which is checked against the size of the file
    const inHead = length <= 3000;
    const parts = inHead ? ["the file ends after"] : [`${length}`, "(a download cut short?)"];
    await refused(WHOLE.slice(0, length), [...parts, "(at byte"]);
  }
});

Deno.test("bad file: another kind of file is named", async () => {
  const text = (content: string) => new TextEncoder().encode(content);
  await refused(text("<!DOCTYPE html><html></html>"), ["no GGUF file", "HTML page"]);
  await refused(text("PK\x03\x04"), "zip archive");
  await refused(text("version https://git-lfs.github.com/spec/v1\n"), "Git LFS pointer");
  await refused(ggufBytes({ ...SPEC, magic: "GGML" }), "no GGUF file");
  await refused(ggufBytes({ ...SPEC, version: 9 }), "GGUF version 9 is not known");
});

Deno.test("bad file: absurd lengths and counts are refused before they are believed", async () => {
  const huge = 2n ** 62n;
  await refused(ggufBytes({ ...SPEC, claimedTensors: huge }), ["4611686018427387904", "allowed"]);
  await refused(ggufBytes({ ...SPEC, claimedPairs: huge }), ["4611686018427387904", "allowed"]);
  await refused(ggufBytes({ ...SPEC, claimedTensors: 200_000n }), "the file ends after");
  const key = new Uint8Array(WHOLE);
  new DataView(key.buffer).setBigUint64(24, huge, true);
  await refused(key, "metadata key 0 is 4611686018427387904 bytes long".slice(0, 14));
  const array: ModelSpec = {
    ...SPEC,
    metadata: [["k", { type: "array", of: "float32", items: [], claimedLength: huge }]],
  };
  await refused(ggufBytes(array), "4611686018427387904");
});

const DOWN = "blk.0.ffn_down.weight";
const TABLE: readonly [string, ModelSpec, readonly string[]][] = [
  ["dimensions beyond the file", changed({ dims: [2 ** 20, 2 ** 20], data: undefined }), [
    `tensor "${DOWN}" of 1048576 x 1048576 weights in F32 is larger than the file`,
  ]],
  ["a dimension of 0", changed({ dims: [160, 0] }), ["has a dimension of 0"]],
  ["nine dimensions", changed({ dims: [160, 64, 1, 1, 1, 1, 1, 1, 1] }), ["has 9 dimensions"]],
  ["an unknown type", changed({ type: 99 }), [`tensor "${DOWN}" has the unknown type 99`]],
  ["a tensor outside the file", changed({ offset: 2n ** 30n }), [
    `tensor "${DOWN}" lies outside the file`,
  ]],
  ["tensors that overlap", changed({ offset: 64n }), [`"${DOWN}"`, " overlaps tensor "]],
  ["an offset that is not aligned", changed({ offset: 7n }), ["no multiple of the alignment 32"]],
];

function changed(change: Partial<ModelSpec["tensors"][number]>): ModelSpec {
  return withTensor(SPEC, DOWN, (tensor) => ({ ...tensor, ...change }));
}

for (const [what, spec, parts] of TABLE) {
  Deno.test(`bad file: ${what}`, () => refused(ggufBytes(spec), [...parts, "(at byte"]));
}

Deno.test("bad file: a path that is no file", async () => {
  await withFolder(async (folder) => {
    const missing = join(folder, "missing.gguf");
    await assertFails(["run", missing, "Hi"], FAILED, `Cannot open ${missing}: there is no such`);
    const inside = join(folder, "folder.gguf");
    mkdirSync(inside);
    await assertFails(
      ["run", inside, "Hi"],
      FAILED,
      `Cannot open ${inside}: it is no regular file`,
    );
    await assertFails(
      ["run", folder, "Hi"],
      FAILED,
      `Cannot open ${folder}: it is no regular file`,
    );
    await assertFails(["run", "no-such-name", "Hi"], FAILED, `No model "no-such-name"`);
    const [one, other] = [join(folder, "one.gguf"), join(folder, "other.gguf")];
    symlinkSync(one, other);
    symlinkSync(other, one);
    const circle = `Cannot open ${one}: its symbolic links lead in a circle`;
    await assertFails(["run", one, "Hi"], FAILED, circle);
    await assertFails(["inspect", one], FAILED, circle);
    for (const url of ["file://host/model.gguf", "file://%zz"]) {
      await assertFails(
        ["run", url, "Hi"],
        FAILED,
        `Cannot open ${url}: a file URL has three slashes`,
      );
    }
  });
});

Deno.test("bad file: a process ends with exit 1 and one line as well", async () => {
  await withFolder(async (folder) => {
    const cut = writeModel(folder, WHOLE.slice(0, DATA_START + 70_000));
    const ended = await Promise.all([
      ahaProcess(["run", cut, "Hi"]),
      ahaProcess(["score", cut, "--ids", "-", "--logits", join(folder, "out")], { stdin: "[[1]]" }),
      ahaProcess(["bench", "/dev/null"]),
    ]);
    assertFailure(ended[0], FAILED, "(a download cut short?)", "run");
    assertFailure(ended[1], FAILED, "(a download cut short?)", "score");
    assertFailure(ended[2], FAILED, "Cannot open /dev/null", "bench");
    assertMatch(
      ended[0].error,
      /^aha: .*model\.gguf: tensor "[^"]+" of 64 x 384 weights in F32 is larger/,
    );
    assertEquals(readdirSync(folder), ["model.gguf"]);
  });
});
