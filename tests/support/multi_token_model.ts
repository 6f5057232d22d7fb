/** DeepSeek-V3 models with a layer for multi-token prediction, made from the fixture, which has none. Checks nothing. */
import type { ModelSpec } from "./edited_model.ts";
import { f32Model, randomGain, withKeys } from "./f32_model.ts";
import type { TestTensor } from "./gguf_bytes.ts";
import { seededRandom } from "./seeded_random.ts";

const FIXTURE = "models/deepseek_v3/gguf/model-F32.gguf";
const ALL = ["embed_tokens", "shared_head_head", "shared_head_norm"] as const;

/** What the layer has of its own instead of the model's. */
export type OwnPart = typeof ALL[number];

/** A layer of seeded numbers: its guesses are hardly ever right. */
export async function multiTokenModel(own: readonly OwnPart[] = ALL): Promise<ModelSpec> {
  const model = await f32Model(FIXTURE);
  const { layers, width } = sizesOf(model);
  const nextn = (part: string) => `blk.${layers}.nextn.${part}.weight`;
  const copies: Readonly<Record<OwnPart, () => TestTensor>> = {
    embed_tokens: () => reversed(find(model, "token_embd.weight"), nextn("embed_tokens")),
    shared_head_head: () => reversed(find(model, "output.weight"), nextn("shared_head_head")),
    shared_head_norm: () => randomGain(nextn("shared_head_norm"), width, 3),
  };
  const random = seededRandom(8);
  const project = Float32Array.from(
    { length: 2 * width * width },
    () => (random(2001) - 1000) / 600 / Math.sqrt(2 * width),
  );
  return withLayer(model, layers, [
    ...lastBlock(model, layers),
    f32(nextn("eh_proj"), [2 * width, width], project),
    randomGain(nextn("enorm"), width, 1),
    randomGain(nextn("hnorm"), width, 2),
    ...own.map((part) => copies[part]()),
  ]);
}

/**
 * A model whose blocks add `strength` times what they added, with a layer that passes the next token's embedding on: with
 * 0 all its guesses are right, and the less so the more the blocks add.
 */
export async function foreseeingModel(strength: number): Promise<ModelSpec> {
  const model = await f32Model(FIXTURE);
  const { layers, width } = sizesOf(model);
  const nextn = (part: string) => `blk.${layers}.nextn.${part}.weight`;
  const project = new Float32Array(2 * width * width);
  for (let row = 0; row < width; row++) project[row * 2 * width + row] = 1;
  const spec = withLayer(model, layers, [
    ...lastBlock(model, layers).map((tensor) => scaled(tensor, 0)),
    f32(nextn("eh_proj"), [2 * width, width], project),
    f32(nextn("enorm"), [width], new Float32Array(width).fill(1)),
    f32(nextn("hnorm"), [width], new Float32Array(width).fill(1)),
  ]);
  const tensors = spec.tensors.map((tensor) =>
    tensor.name.startsWith(`blk.${layers}.`) ? tensor : scaled(tensor, strength)
  );
  return { ...spec, tensors };
}

function sizesOf({ metadata }: ModelSpec): { layers: number; width: number } {
  const value = (name: string) =>
    Number((new Map(metadata).get(`deepseek2.${name}`) as { value?: unknown } | undefined)?.value);
  return { layers: value("block_count"), width: value("embedding_length") };
}

function withLayer(model: ModelSpec, layers: number, more: readonly TestTensor[]): ModelSpec {
  return withKeys({ ...model, tensors: [...model.tensors, ...more] }, {
    "deepseek2.block_count": layers + 1,
    "deepseek2.nextn_predict_layers": 1,
  });
}

/** Its last block once more, with other numbers of the same sizes. */
function lastBlock(model: ModelSpec, layers: number): TestTensor[] {
  const prefix = `blk.${layers - 1}.`;
  return model.tensors
    .filter(({ name }) => name.startsWith(prefix))
    .map((tensor) => reversed(tensor, tensor.name.replace(prefix, `blk.${layers}.`)));
}

function find(model: ModelSpec, name: string): TestTensor {
  const found = model.tensors.find((tensor) => tensor.name === name);
  if (!found) throw new TypeError(`${name} is missing`);
  return found;
}

function valuesOf({ data }: TestTensor): Float32Array {
  return new Float32Array(data?.slice().buffer ?? new ArrayBuffer());
}

function reversed(tensor: TestTensor, name: string): TestTensor {
  return f32(name, tensor.dims, valuesOf(tensor).reverse());
}

/** What a block adds comes out of these. */
function scaled(tensor: TestTensor, factor: number): TestTensor {
  if (!/attn_output|ffn_down/.test(tensor.name)) return tensor;
  return f32(tensor.name, tensor.dims, valuesOf(tensor).map((value) => value * factor));
}

function f32(name: string, dims: TestTensor["dims"], values: Float32Array): TestTensor {
  return { name, dims, type: "F32", data: new Uint8Array(values.slice().buffer) };
}
