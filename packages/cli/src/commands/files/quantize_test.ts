/** Tests of quantize.ts: files that run, fallbacks that are told, refusals that leave nothing behind. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  chmodSync,
  copyFileSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { runAha } from "../../../../../tests/support/captured_io.ts";
import {
  modelSpec,
  withFolder,
  withTensor,
  writeModel,
} from "../../../../../tests/support/edited_model.ts";
import { assertFails, FAILED, WRONG_USAGE } from "../../../../../tests/support/failing_command.ts";
import { fixturePath } from "../../../../../tests/support/fixture.ts";
import { assertSameBytes } from "../../../../../tests/support/same_bytes.ts";

const F32 = fixturePath("models/llama_untied/gguf/model-F32.gguf");
const Q8 = fixturePath("models/llama_untied/gguf/model-Q8_0.gguf");
const SHARD = fixturePath("models/llama_untied/gguf/model-F32-split-00001-of-00003.gguf");
const BF16 = fixturePath("models/llama_k256/gguf/model-BF16.gguf");
const TYPES = ["F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q4_K", "Q6_K"];

Deno.test("aha quantize: every type gives a file that runs, whatever the threads", () =>
  withFolder(async (folder) => {
    for (const type of TYPES) {
      const [one, two] = [join(folder, `${type}-1`), join(folder, `${type}-2`)];
      assertEquals((await runAha(["quantize", BF16, one, type, "--threads", "1"])).code, 0, type);
      const { code, out } = await runAha(["quantize", BF16, two, type.toLowerCase(), "--json"]);
      assertEquals(code, 0);
      const report = JSON.parse(out);
      assertEquals([report.path, report.type], [two, type]);
      assertEquals(report.sizeBytes, readFileSync(two).length);
      assertSameBytes(readFileSync(one), readFileSync(two), type);
      const inspected = JSON.parse((await runAha(["inspect", one, "--json"])).out);
      const types = inspected.tensors.map((tensor: { shape: number[]; type: string }) =>
        tensor.shape.length === 1 ? tensor.type === "F32" : tensor.type === type
      );
      assertEquals(types.every(Boolean), true, type);
      const ran = await runAha(["run", one, "--ids", "1,2,3", "--max-tokens", "2", "--json"]);
      assertEquals(ran.code, 0, ran.error);
    }
  }));

Deno.test("aha quantize: rows that do not fit fall back, and it says so", () =>
  withFolder(async (folder) => {
    const path = join(folder, "out.gguf");
    const { code, out, error } = await runAha(["quantize", F32, path, "Q4_K"]);
    assertEquals(code, 0);
    assertStringIncludes(out, `${path}: 21 tensors, `);
    assertStringIncludes(
      error,
      "output.weight and 13 more: Q8_0 instead of Q4_K, rows of 64 weights are no multiple of the 256",
    );
  }));

Deno.test("aha quantize: its own source, a read-only file and a device are not replaced, not even with --force", () =>
  withFolder(async (folder) => {
    const part = (number: number) => join(folder, `m-0000${number}-of-00003.gguf`);
    for (const number of [1, 2, 3]) {
      copyFileSync(SHARD.replace("00001", `0000${number}`), part(number));
      chmodSync(part(number), 0o644);
    }
    const link = join(folder, "link.gguf");
    symlinkSync(part(2), link);
    for (const out of [part(1), part(3), link]) {
      const before = readFileSync(out);
      await assertFails(["quantize", part(1), out, "Q8_0", "--force"], FAILED, "it is read for");
      assertSameBytes(readFileSync(out), before);
    }
    const locked = join(folder, "locked.gguf");
    writeFileSync(locked, "mine", { mode: 0o444 });
    await assertFails(["quantize", F32, locked, "Q8_0", "--force"], FAILED, "it is read-only");
    assertEquals(readFileSync(locked, "utf8"), "mine");
    await assertFails(["quantize", F32, "/dev/null", "Q8_0", "--force"], FAILED, "it is no file");
    assertEquals(readdirSync(folder).length, 5);
  }));

Deno.test("aha quantize: what exists stays without --force, and is replaced with it", () =>
  withFolder(async (folder) => {
    const path = join(folder, "out.gguf");
    writeFileSync(path, "mine");
    await assertFails(["quantize", F32, path, "Q8_0"], FAILED, [path, "--force replaces it"]);
    assertEquals(readFileSync(path, "utf8"), "mine");
    assertEquals((await runAha(["quantize", F32, path, "Q8_0", "--force"])).code, 0);
    assert(readFileSync(path).length > 100_000);
    assertEquals(readdirSync(folder), ["out.gguf"]);
  }));

Deno.test("aha quantize: any shard brings the whole model, written as one file", () =>
  withFolder(async (folder) => {
    const [whole, joined] = [join(folder, "whole.gguf"), join(folder, "joined.gguf")];
    assertEquals((await runAha(["quantize", F32, whole, "Q8_0"])).code, 0);
    for (const shard of [SHARD, SHARD.replace("00001-of", "00003-of")]) {
      assertEquals((await runAha(["quantize", shard, joined, "Q8_0", "--force"])).code, 0);
      assertSameBytes(readFileSync(joined), readFileSync(whole), shard);
    }
    const lone = join(folder, "model-F32-split-00001-of-00003.gguf");
    writeFileSync(lone, readFileSync(SHARD));
    await assertFails(["quantize", lone, joined, "Q8_0", "--force"], FAILED, [
      "Shard 2 of 3",
      "00002-of-00003.gguf",
      "no such file",
    ]);
    assertSameBytes(readFileSync(joined), readFileSync(whole));
  }));

Deno.test("aha quantize: refusals are one line and leave no file", () =>
  withFolder(async (folder) => {
    const out = join(folder, "out.gguf");
    await assertFails(["quantize", F32, out, "Q5_K"], WRONG_USAGE, [
      '"Q5_K"',
      "give one of F32, F16",
    ]);
    await assertFails(["quantize", F32, out], WRONG_USAGE, "quantize needs TYPE");
    await assertFails(["quantize", Q8, out, "Q4_0"], FAILED, ["quantized already", "is Q8_0"]);
    await assertFails(["quantize", join(folder, "no.gguf"), out, "Q4_0"], FAILED, "no such file");
    await assertFails(["quantize", F32, join(folder, "no", "out"), "Q4_0"], FAILED, "folder");
    assertEquals(readdirSync(folder), []);
    const spec = await modelSpec("models/llama_untied/gguf/model-F32.gguf");
    const broken = withTensor(spec, "output.weight", (tensor) => {
      const data = new Uint8Array(tensor.data ?? []);
      new DataView(data.buffer).setFloat32(4000, NaN, true);
      return { ...tensor, data };
    });
    const path = writeModel(folder, broken);
    const parts = ["Tensor output.weight", "not finite or too large for Q4_0"];
    await assertFails(["quantize", path, out, "Q4_0"], FAILED, parts);
    assertEquals(readdirSync(folder), ["model.gguf"]);
  }));
