/**
 * Memory plans of R1's small distills, which this repository has no files of: heads of GGUF files after their published
 * shapes and llama.cpp's formats, as `aha inspect --plan` would read them; beside them files that are given. Prints the table of the guides; measures nothing.
 */
import type { Gguf, TensorInfo } from "../packages/runtime/src/gguf/mod.ts";
import { ggmlTypeByName, Metadata, openGguf } from "../packages/runtime/src/gguf/mod.ts";
import { MemoryError, planModel } from "../packages/runtime/mod.ts";
import { basename } from "node:path";
import process from "node:process";
import { textTable } from "./text_table.ts";

/** Sizes of a model as its config.json has them. */
interface Shape {
  readonly name: string;
  readonly architecture: "qwen2" | "llama" | "qwen3";
  readonly layers: number;
  readonly width: number;
  readonly hidden: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly vocabulary: number;
}

const HEAD_SIZE = 128;
const SHAPES: readonly Shape[] = [
  {
    ...{ name: "DeepSeek-R1-Distill-Qwen-1.5B", architecture: "qwen2", layers: 28, width: 1536 },
    ...{ hidden: 8960, heads: 12, kvHeads: 2, vocabulary: 151_936 },
  },
  {
    ...{ name: "DeepSeek-R1-Distill-Qwen-7B", architecture: "qwen2", layers: 28, width: 3584 },
    ...{ hidden: 18_944, heads: 28, kvHeads: 4, vocabulary: 152_064 },
  },
  {
    ...{ name: "DeepSeek-R1-Distill-Llama-8B", architecture: "llama", layers: 32, width: 4096 },
    ...{ hidden: 14_336, heads: 32, kvHeads: 8, vocabulary: 128_256 },
  },
  {
    ...{ name: "DeepSeek-R1-0528-Qwen3-8B", architecture: "qwen3", layers: 36, width: 4096 },
    ...{ hidden: 12_288, heads: 32, kvHeads: 8, vocabulary: 151_936 },
  },
];

/** Formats: most weights, `attn_v` and `ffn_down` of the layers that llama.cpp keeps finer, the output head. */
const MIXES: Readonly<Record<string, readonly [most: string, fine: string, head: string]>> = {
  Q4_K_M: ["Q4_K", "Q6_K", "Q6_K"],
  Q8_0: ["Q8_0", "Q8_0", "Q8_0"],
};

/** The first and last eighth of the layers and every third between (llama.cpp, `use_more_bits`). */
function isFine(layer: number, layers: number): boolean {
  const eighth = Math.floor(layers / 8);
  return layer < eighth || layer >= Math.floor(7 * layers / 8) || (layer - eighth) % 3 === 2;
}

function headOf(shape: Shape, mix: keyof typeof MIXES): Gguf {
  const { architecture, layers, width, hidden, heads, kvHeads, vocabulary } = shape;
  const [most, fine, head] = MIXES[mix];
  const tensors = new Map<string, TensorInfo>();
  const add = (name: string, dims: readonly number[], typeName: string) => {
    const type = ggmlTypeByName(typeName)!;
    const weights = dims.reduce((product, size) => product * size, 1);
    const sizeBytes = weights / type.blockSize * type.blockBytes;
    tensors.set(name, { name, type, dims, offset: 0, sizeBytes });
  };
  add("token_embd.weight", [width, vocabulary], most);
  add("output.weight", [width, vocabulary], head);
  add("output_norm.weight", [width], "F32");
  for (let layer = 0; layer < layers; layer++) {
    const finer = isFine(layer, layers) ? fine : most;
    const matrix = (part: string, dims: readonly number[], type = most) =>
      add(`blk.${layer}.${part}.weight`, dims, type);
    matrix("attn_q", [width, heads * HEAD_SIZE]);
    matrix("attn_k", [width, kvHeads * HEAD_SIZE]);
    matrix("attn_v", [width, kvHeads * HEAD_SIZE], finer);
    matrix("attn_output", [heads * HEAD_SIZE, width]);
    matrix("ffn_gate", [width, hidden]);
    matrix("ffn_up", [width, hidden]);
    matrix("ffn_down", [hidden, width], finer);
    for (const norm of ["attn_norm", "ffn_norm"]) matrix(norm, [width], "F32");
  }
  const key = (name: string) => `${architecture}.${name}`;
  const metadata = Metadata.from({
    "general.architecture": architecture,
    [key("block_count")]: layers,
    [key("context_length")]: 131_072,
    [key("embedding_length")]: width,
    [key("feed_forward_length")]: hidden,
    [key("attention.head_count")]: heads,
    [key("attention.head_count_kv")]: kvHeads,
    [key("attention.key_length")]: HEAD_SIZE,
    [key("attention.value_length")]: HEAD_SIZE,
    [key("attention.layer_norm_rms_epsilon")]: 1e-6,
    [key("rope.freq_base")]: 10_000,
  });
  return { version: 3, metadata, tensors, alignment: 32, dataOffset: 0, sourceName: shape.name };
}

/** What models are planned with: contexts, how many of them at once, type of keys and values. */
const COLUMNS: readonly (readonly [contextTokens: number, sequences: number, "f16" | "q8_0"])[] = [
  [2048, 1, "f16"],
  [4096, 1, "q8_0"],
  [4096, 4, "q8_0"],
];

/** Mebibytes of the plan, or that it does not fit what wasm can address. */
function planned(gguf: Gguf, [contextTokens, sequences, kvType]: typeof COLUMNS[number]): string {
  try {
    const { plan } = planModel(gguf, { contextTokens, sequences, kvType });
    return `${Math.ceil(plan.totalBytes / 2 ** 20)}`;
  } catch (error) {
    if (error instanceof MemoryError) return "over 4096";
    throw error;
  }
}

async function headOfFile(path: string): Promise<[string, Gguf]> {
  const { gguf, source } = await openGguf(path);
  await source.close();
  return [basename(path), gguf];
}

function line([name, gguf]: readonly [string, Gguf]): string[] {
  const bytes = [...gguf.tensors.values()].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  return [name, `${Math.ceil(bytes / 2 ** 20)}`, ...COLUMNS.map((column) => planned(gguf, column))];
}

if (import.meta.main) {
  const files = await Promise.all(process.argv.slice(2).map(headOfFile));
  const made = SHAPES.flatMap((shape) =>
    Object.keys(MIXES).map((mix): [string, Gguf] => [`${shape.name} ${mix}`, headOf(shape, mix)])
  );
  const heads = COLUMNS.map(([contextTokens, sequences, kvType]) =>
    `${sequences} x ${contextTokens} ${kvType}`
  );
  console.log(textTable(["MiB", "tensors", ...heads], [...files, ...made].map(line)));
}
