/** The tensors of a checkpoint as rows of floats under their GGUF names, in the order of the files. Chooses no formats. */
import { CheckpointError, UnsupportedError } from "../errors.ts";
import { type GgmlType, ggmlTypeByName } from "../gguf/mod.ts";
import type { FloatTensor } from "../quantize/mod.ts";
import { isLeftOut, type TargetArchitecture, wantedTensors } from "./architecture.ts";
import type { CheckpointConfig } from "./checkpoint/model_config.ts";
import { tensorLabel } from "./checkpoint/safetensors.ts";
import type { PlacedTensor, WeightFiles } from "./checkpoint/weight_files.ts";
import { interleavedRows } from "./interleaved_rows.ts";
import { ropeFactors } from "./rope_factors.ts";

/** Types of safetensors that can be read; GGUF calls them the same. */
const READABLE = ["F32", "F16", "BF16"];

/**
 * All tensors of the GGUF file.
 * @throws {CheckpointError} if a tensor is missing, is of another shape, or belongs to no place
 * @throws {UnsupportedError} if one holds values that cannot be read
 */
export function checkpointTensors(
  { tensors }: WeightFiles,
  target: TargetArchitecture,
  config: CheckpointConfig,
  where: string,
): FloatTensor[] {
  const wanted = wantedTensors(target, config);
  for (const name of wanted.keys()) {
    if (tensors.has(name)) continue;
    throw new CheckpointError(`${where} has no tensor ${name}, which the model must have`, where);
  }
  const found: FloatTensor[] = [];
  const factors = ropeFactors(config);
  if (factors) found.push(vectorTensor("rope_freqs.weight", factors));
  for (const [name, stored] of tensors) {
    const place = wanted.get(name);
    if (place) {
      checkShape(stored, place.shape);
      found.push(floatTensor(stored, place.name, place.headSize));
    } else if (!isLeftOut(name, config)) {
      throw new CheckpointError(
        `Tensor ${
          tensorLabel(name)
        } of ${stored.source.name} has no place in a ${target.name} model`,
        stored.source.name,
      );
    }
  }
  return found;
}

/** The type that most weights of matrices have. */
export function storedType(tensors: readonly FloatTensor[]): string {
  const counts = new Map<string, number>();
  for (const { type, dims } of tensors) {
    if (dims.length < 2) continue;
    const weights = dims.reduce((product, size) => product * size, 1);
    counts.set(type.name, (counts.get(type.name) ?? 0) + weights);
  }
  const [most] = [...counts].sort(([, a], [, b]) => b - a);
  return most?.[0] ?? "F32";
}

function floatTensor(stored: PlacedTensor, name: string, headSize?: number): FloatTensor {
  const { shape, source, offset, sizeBytes } = stored;
  const rowBytes = shape.length < 2 ? sizeBytes : sizeBytes / shape[0];
  const plain: FloatTensor = {
    name,
    dims: shape.toReversed(),
    type: readableType(stored),
    readRows: (row, into, signal) => source.read(offset + row * rowBytes, into, signal),
  };
  return headSize ? interleavedRows(plain, headSize, rowBytes) : plain;
}

function vectorTensor(name: string, values: Float32Array): FloatTensor {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return {
    name,
    dims: [values.length],
    type: ggmlTypeByName("F32") as GgmlType,
    readRows(_row, into) {
      into.set(bytes);
      return Promise.resolve();
    },
  };
}

function readableType({ name, dtype, source }: PlacedTensor): GgmlType {
  const type = READABLE.includes(dtype) ? ggmlTypeByName(dtype) : undefined;
  if (type) return type;
  throw new UnsupportedError(
    `Tensor ${name} of ${source.name} is ${dtype}, which cannot be converted yet (${
      READABLE.join(", ")
    } can)`,
    dtype,
  );
}

function checkShape({ name, shape, source }: PlacedTensor, wanted: readonly number[]): void {
  if (shape.length === wanted.length && shape.every((size, i) => size === wanted[i])) return;
  throw new CheckpointError(
    `Tensor ${name} of ${source.name} is [${shape}], config.json asks for [${wanted}]`,
    source.name,
  );
}
