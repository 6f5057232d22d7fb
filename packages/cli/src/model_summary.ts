/** What a model file says about itself: sizes, formats, tokenizer. Plans no memory and prints nothing. */
import type { Gguf, TensorInfo } from "@aha/runtime/gguf";
import { elementsOf, type TypeShare, typeShares } from "@aha/runtime/weights";

/** The head of a model file, for people and for `--json`. */
export interface ModelSummary {
  readonly file: string;
  readonly sizeBytes: number;
  readonly ggufVersion: number;
  readonly architecture: string | null;
  readonly name: string | null;
  readonly licence: string | null;
  readonly parameters: number;
  readonly tensorBytes: number;
  /** Bits for one weight, all tensors together. */
  readonly bitsPerWeight: number;
  /** The largest share first. */
  readonly types: readonly TypeShare[];
  readonly contextTokens: number | null;
  /** Without those that guess further tokens. */
  readonly layers: number | null;
  /** Layers for multi-token prediction. */
  readonly nextLayers: number;
  readonly width: number | null;
  readonly heads: number | null;
  readonly kvHeads: number | null;
  /** Numbers of a token's latent, where attention goes over latents. */
  readonly latentRank: number | null;
  readonly experts: number | null;
  readonly expertsUsed: number | null;
  /** Experts that every token uses besides. */
  readonly expertsShared: number | null;
  /** Weights that one token's forward pass uses: of a mixture the chosen experts', of an embedding one row. */
  readonly activeParameters: number;
  /** Bytes of these weights. */
  readonly bytesPerToken: number;
  readonly tokenizer: {
    readonly model: string;
    readonly pre: string | null;
    readonly tokens: number;
  } | null;
  readonly chatTemplate: string | null;
  /** `shape` in file order, the fastest-moving size first. */
  readonly tensors: readonly {
    readonly name: string;
    readonly type: string;
    readonly shape: readonly number[];
    readonly offset: number;
    readonly sizeBytes: number;
  }[];
}

/** Sums up the head of a file of `sizeBytes`; what the file does not say is null. */
export function summarize(gguf: Gguf, sizeBytes: number): ModelSummary {
  const { metadata } = gguf;
  const architecture = metadata.optionalString("general.architecture") ?? null;
  // Per-layer sizes may be arrays: those have no one number.
  const size = (key: string) => {
    const value = metadata.get(`${architecture}.${key}`)?.value;
    return typeof value === "number" ? value : null;
  };
  const tensors = [...gguf.tensors.values()];
  const parameters = sum(tensors.map(elementsOf));
  const tensorBytes = sum(tensors.map((tensor) => tensor.sizeBytes));
  const tokenizerModel = metadata.optionalString("tokenizer.ggml.model");
  return {
    file: gguf.sourceName,
    sizeBytes,
    ggufVersion: gguf.version,
    architecture,
    name: metadata.optionalString("general.name") ?? null,
    licence: metadata.optionalString("general.license") ?? null,
    parameters,
    tensorBytes,
    bitsPerWeight: parameters > 0 ? tensorBytes * 8 / parameters : 0,
    types: typeShares(tensors),
    contextTokens: size("context_length"),
    ...layerCounts(gguf, size("block_count")),
    width: size("embedding_length"),
    heads: size("attention.head_count"),
    kvHeads: size("attention.head_count_kv"),
    latentRank: size("attention.kv_lora_rank"),
    experts: size("expert_count"),
    expertsUsed: size("expert_used_count"),
    expertsShared: size("expert_shared_count"),
    ...active(gguf, size("expert_used_count")),
    tokenizer: tokenizerModel === undefined ? null : {
      model: tokenizerModel,
      pre: metadata.optionalString("tokenizer.ggml.pre") ?? null,
      tokens: metadata.optionalStrings("tokenizer.ggml.tokens")?.length ?? 0,
    },
    chatTemplate: metadata.optionalString("tokenizer.chat_template") ?? null,
    tensors: tensors.map(({ name, type, dims, offset, sizeBytes }) => ({
      name,
      type: type.name,
      shape: dims,
      offset,
      sizeBytes,
    })),
  };
}

const NEXT_LAYER = /^blk\.(\d+)\.nextn\./;
/** The embedding that a layer for multi-token prediction may have of its own. */
const NEXT_EMBEDDING = /\.nextn\.embed_tokens\.weight$/;

/** The model's own layers, and those that guess, which most files count among them. */
function layerCounts(
  { tensors }: Gguf,
  blocks: number | null,
): Pick<ModelSummary, "layers" | "nextLayers"> {
  const next = new Set([...tensors.keys()].flatMap((name) => NEXT_LAYER.exec(name)?.[1] ?? []));
  const counted = [...next].filter((layer) => blocks !== null && Number(layer) < blocks).length;
  return { layers: blocks === null ? null : blocks - counted, nextLayers: next.size };
}

/** What one token touches; nothing is left out where the file does not say how many experts a token uses. */
function active(
  { tensors }: Gguf,
  used: number | null,
): Pick<ModelSummary, "activeParameters" | "bytesPerToken"> {
  const isTied = !tensors.has("output.weight");
  const all = [...tensors.values()];
  const share = ({ name, dims }: TensorInfo): number => {
    const isLookedUp = name === "token_embd.weight" ? !isTied : NEXT_EMBEDDING.test(name);
    if (isLookedUp) return 1 / (dims[1] ?? 1);
    const isBank = dims.length >= 3 && /_exps\.weight$/.test(name);
    return isBank && used !== null ? Math.min(1, used / dims[2]) : 1;
  };
  return {
    activeParameters: Math.round(sum(all.map((tensor) => share(tensor) * elementsOf(tensor)))),
    bytesPerToken: Math.round(sum(all.map((tensor) => share(tensor) * tensor.sizeBytes))),
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
