/** The tensors of a checkpoint as rows of floats under their GGUF names, in the order of the files. Chooses no formats. */
import { CheckpointError, UnsupportedError } from "../errors.ts";
import { type GgmlType, ggmlTypeByName } from "../gguf/mod.ts";
import type { FloatTensor } from "../quantize/mod.ts";
import { isLeftOut, type TargetArchitecture, wantedTensors } from "./architecture.ts";
import { FP8_DTYPE, isScale, scalesOf } from "./checkpoint/fp8_scales.ts";
import type { CheckpointConfig } from "./checkpoint/model_config.ts";
import { tensorLabel } from "./checkpoint/safetensors.ts";
import type { PlacedTensor, WeightFiles } from "./checkpoint/weight_files.ts";
import { ropeFactors } from "./rope_factors.ts";
import { ExpertStacks } from "./rows/expert_stacks.ts";
import { fp8Rows } from "./rows/fp8_rows.ts";
import { keyParts, valueParts } from "./rows/head_parts.ts";
import { interleavedRows } from "./rows/interleaved_rows.ts";
import { widenedRows } from "./rows/widened_rows.ts";
import type { WantedTensor } from "./wanted_tensor.ts";

/** Types of safetensors that can be read as they are; GGUF calls them the same. */
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
  for (const [name, { isOptional }] of wanted) {
    if (isOptional || tensors.has(name)) continue;
    throw new CheckpointError(`${where} has no tensor ${name}, which the model must have`, where);
  }
  const found: FloatTensor[] = [];
  const factors = ropeFactors(config);
  if (factors) found.push(vectorTensor("rope_freqs.weight", factors));
  const stacks = new ExpertStacks();
  for (const [name, stored] of tensors) {
    const place = wanted.get(name);
    if (place) {
      checkShape(stored, place.shape);
      const scales = stored.dtype === FP8_DTYPE ? scalesOf(stored, tensors) : undefined;
      found.push(...placed(stored, scales, place, config.heads, stacks));
    } else if (!isLeftOut(name, config) && !isScale(name, tensors)) {
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

/** The type that most weights of matrices have; FP8 counts as BF16, the type that such models are trained in. */
export function storedType({ tensors }: WeightFiles): string {
  const counts = new Map<string, number>();
  for (const { dtype, shape } of tensors.values()) {
    if (shape.length < 2) continue;
    const type = dtype === FP8_DTYPE ? "BF16" : dtype;
    const weights = shape.reduce((product, size) => product * size, 1);
    counts.set(type, (counts.get(type) ?? 0) + weights);
  }
  const [most] = [...counts].sort(([, a], [, b]) => b - a);
  return most?.[0] ?? "F32";
}

/** What becomes of a stored tensor: itself, two parts, or nothing until the last expert of its layer is met. */
function placed(
  stored: PlacedTensor,
  scales: PlacedTensor | undefined,
  { name, layout }: WantedTensor,
  heads: number,
  stacks: ExpertStacks,
): FloatTensor[] {
  const plain = scales ? fp8Rows(stored, scales, name) : floatTensor(stored, name);
  switch (layout?.kind) {
    case "interleaved":
      return [interleavedRows(plain, layout.headSize, rowBytes(plain))];
    case "router":
      return [widenedRows(plain)];
    case "expert":
      return stacks.add(plain, layout, stored.source.name);
    case "keysAndValues": {
      const parts = { heads, nopeSize: layout.nopeSize, valueSize: layout.valueSize };
      return [keyParts(plain, parts), valueParts(plain, layout.valuesName, parts)];
    }
  }
  return [plain];
}

function rowBytes({ dims, type }: FloatTensor): number {
  return dims[0] * type.blockBytes / type.blockSize;
}

function floatTensor(stored: PlacedTensor, name: string): FloatTensor {
  const { shape, source, offset, sizeBytes } = stored;
  const rowBytes = shape.length < 2 ? sizeBytes : sizeBytes / shape[0];
  return {
    name,
    dims: shape.toReversed(),
    type: readableType(stored),
    readRows: (row, into, signal) => source.read(offset + row * rowBytes, into, signal),
  };
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
      [...READABLE, FP8_DTYPE].join(", ")
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
