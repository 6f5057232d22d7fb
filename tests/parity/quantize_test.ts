/** Quantized files against llama.cpp's: the same bytes for the 32-column formats, no larger error for the K formats. */
import { assert, assertEquals } from "@std/assert";
import { type Core, startCore } from "../../packages/runtime/src/backend/wasm/core.ts";
import {
  blobSource,
  type ByteSource,
  type Gguf,
  openSource,
  readGguf,
  type TensorInfo,
} from "../../packages/runtime/src/gguf/mod.ts";
import { quantizeModel } from "../../packages/runtime/src/quantize/mod.ts";
import { fixturePath } from "../support/fixture.ts";
import { K_ERROR_TO_LLAMACPP, nmse } from "../support/tolerance.ts";

const FOLDER = fixturePath("models/llama_k256/gguf");

interface Opened {
  readonly source: ByteSource;
  readonly gguf: Gguf;
}

async function open(place: string | Blob): Promise<Opened> {
  const source = typeof place === "string" ? await openSource(place) : blobSource(place);
  return { source, gguf: await readGguf(source) };
}

async function quantized(type: string): Promise<Opened> {
  const model = await open(`${FOLDER}/model-BF16.gguf`);
  const parts: Uint8Array<ArrayBuffer>[] = [];
  await quantizeModel(model, { write: (part) => void parts.push(new Uint8Array(part)) }, type);
  await model.source.close();
  return await open(new Blob(parts));
}

async function bytesOf({ source }: Opened, tensor: TensorInfo): Promise<Uint8Array> {
  const bytes = new Uint8Array(tensor.sizeBytes);
  await source.read(tensor.offset, bytes);
  return bytes;
}

async function valuesOf(core: Core, file: Opened, tensor: TensorInfo): Promise<Float32Array> {
  const [cols, rows = 1] = tensor.dims;
  const bytes = await bytesOf(file, tensor);
  const from = core.exports.allocate(bytes.length);
  const to = core.exports.allocate(4 * cols * rows);
  new Uint8Array(core.memory.buffer, from, bytes.length).set(bytes);
  assertEquals(core.exports.dequantize_scalar(tensor.type.id, from, to, rows, cols), 0);
  const values = new Float32Array(core.memory.buffer, to, cols * rows).slice();
  core.exports.release(from, bytes.length);
  core.exports.release(to, 4 * cols * rows);
  return values;
}

for (const type of ["Q8_0", "Q4_0", "Q4_1"]) {
  Deno.test(`quantizeModel: ${type} tensors have llama.cpp's bytes`, async () => {
    const [own, theirs] = [await quantized(type), await open(`${FOLDER}/model-${type}.gguf`)];
    let compared = 0;
    for (const [name, tensor] of theirs.gguf.tensors) {
      const ours = own.gguf.tensors.get(name) as TensorInfo;
      // llama.cpp keeps the embedding of its Q4 files in Q6_K.
      if (tensor.type !== ours.type) continue;
      assertEquals(await bytesOf(own, ours), await bytesOf(theirs, tensor), name);
      compared++;
    }
    assert(compared >= 10, `${compared} tensors were compared`);
    await theirs.source.close();
  });
}

for (const [type, form] of [["Q4_K", "Q4_K_M"], ["Q6_K", "Q6_K"]]) {
  Deno.test(`quantizeModel: ${type} has no larger error than llama.cpp's`, async () => {
    const core = await startCore("simd", 64 << 20);
    const exact = await open(`${FOLDER}/model-BF16.gguf`);
    const [own, theirs] = [await quantized(type), await open(`${FOLDER}/model-${form}.gguf`)];
    let compared = 0;
    for (const [name, tensor] of theirs.gguf.tensors) {
      const ours = own.gguf.tensors.get(name) as TensorInfo;
      if (tensor.type.name !== type || ours.type.name !== type) continue;
      const values = await valuesOf(core, exact, exact.gguf.tensors.get(name) as TensorInfo);
      const error = Math.sqrt(nmse(await valuesOf(core, own, ours), values));
      const limit = Math.sqrt(nmse(await valuesOf(core, theirs, tensor), values));
      assert(error <= limit * K_ERROR_TO_LLAMACPP, `${name}: ${error}, llama.cpp's ${limit}`);
      compared++;
    }
    assert(compared >= 5, `${compared} tensors were compared`);
    await exact.source.close();
    await theirs.source.close();
  });
}
