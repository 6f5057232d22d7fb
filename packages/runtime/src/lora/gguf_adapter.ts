/** Adapters as GGUF files, as llama.cpp's convert_lora_to_gguf.py makes them and its --lora takes them: read and written. */
import { ModelError, UnsupportedError } from "../errors.ts";
import {
  type ByteSink,
  type ByteSource,
  type Gguf,
  Metadata,
  readGguf,
  type TensorInfo,
  writeGguf,
} from "../gguf/mod.ts";
import type { ModelConfig } from "../model/config.ts";
import { widened } from "../convert/rows/widened_rows.ts";
import type { AdapterValues } from "./adapter.ts";
import { adapterTargets, refusalOf, type Target } from "./targets.ts";

const ALPHA = "adapter.lora.alpha";
const MATRIX = /^(.+)\.lora_([ab])$/;

/**
 * Reads an adapter. Its rows stand in GGUF's order already.
 * @throws {ModelError} if it is no adapter, or one for another model, naming the first weight that does not fit
 * @throws {UnsupportedError} if its numbers are not F32, F16 or BF16, or the model's form of attention cannot take it
 * @throws {GgufError} if the file is malformed
 */
export async function readGgufAdapter(
  source: ByteSource,
  model: ModelConfig,
): Promise<AdapterValues[]> {
  const gguf = await readGguf(source);
  const alpha = expectAdapter(gguf, model);
  const targets = new Map(adapterTargets(model).map((target) => [target.weight, target]));
  const values: AdapterValues[] = [];
  for (const info of gguf.tensors.values()) {
    const [, weight, side] = MATRIX.exec(info.name) ?? [];
    if (weight === undefined) {
      throw new ModelError(`Tensor ${info.name} of ${source.name} is no adapter's`);
    }
    if (side === "b") continue;
    const other = gguf.tensors.get(`${weight}.lora_b`);
    if (!other) throw new ModelError(`${source.name} has no lora_b of ${weight}`);
    values.push(await readPair(source, targets.get(weight), info, other, alpha));
  }
  return values;
}

function expectAdapter({ metadata, sourceName }: Gguf, { architecture }: ModelConfig): number {
  if (metadata.optionalString("adapter.type") !== "lora") {
    throw new ModelError(`${sourceName} is no LoRA adapter`);
  }
  const own = metadata.string("general.architecture");
  if (own === architecture) return metadata.number(ALPHA);
  throw new ModelError(`The adapter ${sourceName} is for a ${own} model, this is ${architecture}`);
}

async function readPair(
  source: ByteSource,
  target: Target | undefined,
  a: TensorInfo,
  b: TensorInfo,
  alpha: number,
): Promise<AdapterValues> {
  const weight = a.name.replace(MATRIX, "$1");
  if (!target) {
    throw new ModelError(`The adapter ${source.name} is for another model: this has no ${weight}`);
  }
  if (target.refusal !== undefined) throw refusalOf(target);
  const { rows, cols, experts } = target;
  const rank = a.dims[1];
  const count = experts ?? 1;
  const fits = (dims: readonly number[], wanted: readonly number[]) =>
    wanted.every((size, i) => size === (dims[i] ?? 1)) && dims.length <= 3;
  if (!fits(a.dims, [cols, rank, count]) || !fits(b.dims, [rank, rows, count])) {
    throw new ModelError(
      `The adapter ${source.name} is for another model: its ${weight} has matrices [${a.dims}] and [${b.dims}], this model's weight is [${cols}, ${rows}]`,
    );
  }
  const [own, other] = [await numbers(source, a), await numbers(source, b)];
  const scale = alpha === 0 ? 1 : alpha / rank;
  return { weight, rows, cols, rank, scale, a: own, b: other, ...(experts ? { experts } : {}) };
}

async function numbers(source: ByteSource, info: TensorInfo): Promise<Float32Array> {
  const { name, dims, type, offset, sizeBytes } = info;
  if (!["F32", "F16", "BF16"].includes(type.name)) {
    throw new UnsupportedError(`Tensor ${name} of ${source.name} is ${type.name}`, type.name);
  }
  const bytes = new Uint8Array(sizeBytes);
  await source.read(offset, bytes);
  const count = dims.reduce((product, size) => product * size, 1);
  const values = widened(bytes, type.name, count);
  if (values.every(Number.isFinite)) return values;
  throw new ModelError(`Tensor ${name} of ${source.name} holds a number that is not finite`);
}

/**
 * Writes adapters of any rank and scale, those of experts too; gives the size in bytes. Scales that are not alpha / r with
 * one alpha for all are multiplied into B.
 */
export async function writeGgufAdapter(
  sink: ByteSink,
  values: readonly AdapterValues[],
  model: ModelConfig,
): Promise<number> {
  const [alpha = 1] = values.map(({ scale, rank }) => scale * rank);
  const metadata = Metadata.from({
    "general.architecture": model.architecture,
    "general.type": "adapter",
    "adapter.type": "lora",
    [ALPHA]: alpha,
  });
  const tensors = values.flatMap((one) => {
    const { weight, rows, cols, rank, scale, a, b, experts } = one;
    const factor = scale * rank / alpha;
    const stack = experts ? [experts] : [];
    const own = factor === 1 ? b : b.map((value) => value * factor);
    return [
      tensor(`${weight}.lora_a`, [cols, rank, ...stack], a),
      tensor(`${weight}.lora_b`, [rank, rows, ...stack], own),
    ];
  });
  return await writeGguf(sink, { metadata: metadata.entries(), tensors });
}

function tensor(name: string, dims: readonly number[], values: Float32Array) {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return { name, dims, type: "F32", data: () => [bytes] };
}
