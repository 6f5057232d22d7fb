/** A model from nothing: a GGUF file of random F32 weights. Trains nothing. */
import { writeGguf } from "@aha/runtime/gguf";
import { normalNumbers } from "./normal_numbers.ts";
import type { ModelShape } from "./shape.ts";
import { shapeMetadata } from "./shape_metadata.ts";
import { type PlannedTensor, plannedTensors } from "./tensor_plan.ts";
import type { TokenizerMetadata } from "./word_tokenizer.ts";

/**
 * A new model as a GGUF file in memory. The same shape, tokenizer, seed and name give the same bytes on every machine: each
 * tensor's numbers depend on the seed and its name alone.
 * @throws {RangeError} for a width that the heads do not divide, and a seed that is no whole number
 * @throws {ModelError} for sizes that cannot be written
 *
 * @example
 * ```ts
 * import { newModel, nanoTokenizer, SHAPES } from "@aha/grpo";
 * import { openTrainable } from "@aha/runtime/training";
 * const model = await openTrainable(await newModel(SHAPES.ci, nanoTokenizer(), 1));
 * console.log(model.model.config.width); // 64
 * await model.close();
 * ```
 */
export async function newModel(
  shape: ModelShape,
  tokenizer: TokenizerMetadata,
  seed: number,
  name = "nano",
): Promise<Blob> {
  const { architecture, width, heads } = shape;
  if (architecture === "llama" && width % heads !== 0) {
    throw new RangeError(`The width ${width} is no multiple of ${heads} heads`);
  }
  const { vocabulary } = tokenizer;
  const parts: Uint8Array<ArrayBuffer>[] = [];
  await writeGguf({ write: (bytes) => void parts.push(new Uint8Array(bytes)) }, {
    metadata: [...shapeMetadata(shape, name, vocabulary), ...tokenizer.entries],
    tensors: plannedTensors(shape, vocabulary).map((tensor) => ({
      name: tensor.name,
      dims: tensor.dims,
      type: "F32",
      data: () => [new Uint8Array(numbersOf(tensor, seed).buffer)],
    })),
  });
  return new Blob(parts);
}

function numbersOf({ name, dims, fill }: PlannedTensor, seed: number): Float32Array<ArrayBuffer> {
  const count = dims.reduce((product, size) => product * size, 1);
  if ("value" in fill) return new Float32Array(count).fill(fill.value);
  return normalNumbers(seed, name, count, fill.deviation);
}
