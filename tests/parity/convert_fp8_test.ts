/** The published form of DeepSeek-V3, FP8 with block scales, converted: the reference rule's weights, llama.cpp's names and keys. */
import { assert, assertEquals } from "@std/assert";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { convertCheckpoint, openFolder } from "../../packages/runtime/src/convert/mod.ts";
import {
  type MetadataEntry,
  openFileSink,
  type OpenGguf,
  openGguf,
} from "../../packages/runtime/src/gguf/mod.ts";
import { CheckpointFiles } from "../support/checkpoint_files.ts";
import { fixtureJson, fixturePath } from "../support/fixture.ts";
import { FixtureModel } from "../support/fixture_model.ts";
import { unpackFp8 } from "../support/fp8_checkpoint.ts";
import { tensorBytes, writtenModel } from "../support/memory_sink.ts";
import { readSafetensors } from "../support/safetensors.ts";
import { assertSameBytes } from "../support/same_bytes.ts";
import { F32_NMSE, nmse } from "../support/tolerance.ts";

const MODEL = "models/deepseek_v3_k256";
const HF = fixturePath(`${MODEL}/hf_fp8`);
/** What a file says of itself, not of the model. */
const FILE_KEYS = /^general\.(name|file_type)$/;

function plain({ type, elementType, value }: MetadataEntry): unknown {
  const list = typeof value === "object" ? [...(value as Iterable<unknown>)] : value;
  return { type, elementType, value: list };
}

// The folder is too large for the repository; the reference folder has it.
if (existsSync(HF)) {
  Deno.test("convertCheckpoint: FP8 blocks are the reference rule's weights in every form", async () => {
    const packed = await openFolder(HF);
    const files = CheckpointFiles.read(HF);
    assert([...files.tensors.values()].some(({ dtype }) => dtype === "F8_E4M3"));
    unpackFp8(files);
    for (const type of ["F32", "BF16", "Q8_0"]) {
      const own = await writtenModel((sink) => convertCheckpoint(packed, sink, { type }));
      const other = await writtenModel((sink) => convertCheckpoint(files.folder(), sink, { type }));
      assertEquals([...own.gguf.tensors.keys()], [...other.gguf.tensors.keys()]);
      for (const name of own.gguf.tensors.keys()) {
        assertSameBytes(await tensorBytes(own, name), await tensorBytes(other, name), name);
      }
    }
  });

  Deno.test("convertCheckpoint: the FP8 folder has the names, shapes and keys of llama.cpp's file", async () => {
    const packed = await openFolder(HF);
    const own = await writtenModel((sink) => convertCheckpoint(packed, sink));
    const theirs = await openGguf(fixturePath(`${MODEL}/gguf/model-Q4_K_M.gguf`));
    const shapes = ({ gguf }: OpenGguf) =>
      Array.from(gguf.tensors.values(), ({ name, dims }) => `${name} [${dims}]`).sort();
    const keys = ({ gguf }: OpenGguf) =>
      [...gguf.metadata.entries()].filter(([key]) => !FILE_KEYS.test(key))
        .map(([key, entry]) => [key, plain(entry)] as const)
        .sort(([a], [b]) => a < b ? -1 : 1);
    assertEquals(shapes(own), shapes(theirs));
    assertEquals(keys(own), keys(theirs));
    await theirs.source.close();
  });

  Deno.test("convertCheckpoint: the FP8 folder gives the logits of its dequantized weights", async () => {
    const { prompts } = fixtureJson<{ prompts: { name: string; ids: number[] }[] }>(
      `${MODEL}/expected.json`,
    );
    const references = readSafetensors(fixturePath(`${MODEL}/logits-FP8-dequantized.safetensors`));
    const folder = mkdtempSync(join(tmpdir(), "aha-convert-"));
    try {
      const path = join(folder, "model.gguf");
      const sink = await openFileSink(path);
      await convertCheckpoint(await openFolder(HF), sink, { type: "F32" });
      sink.commit();
      await using open = await FixtureModel.open(path);
      for (const { name, ids } of prompts) {
        const last = references.get(name)?.values ?? new Float32Array();
        assert(last.length > 0, name);
        const error = nmse((await open.logits(ids)).subarray(-last.length), last);
        assert(error <= F32_NMSE, `${name}: NMSE ${error}`);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}
