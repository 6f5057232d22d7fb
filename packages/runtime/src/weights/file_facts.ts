/** What a model's file says of its weights in a few words. Reads no weights. */
import type { Gguf, TensorInfo } from "../gguf/mod.ts";

/** A model's file in short. */
export interface FileFacts {
  /** Of the file, of all shards together. */
  readonly sizeBytes: number;
  /** Weights of all tensors. */
  readonly parameters: number;
  /** As llama.cpp names the mix: `Q4_K_M`; where the file does not say, the format of most bytes. */
  readonly quantization: string;
}

/** Names of `general.file_type` (llama.h, `llama_ftype`), without those that are gone. */
const MIXES: Readonly<Record<number, string>> = {
  ...{ 0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 10: "Q2_K" },
  ...{ 11: "Q3_K_S", 12: "Q3_K_M", 13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M", 16: "Q5_K_S" },
  ...{ 17: "Q5_K_M", 18: "Q6_K", 19: "IQ2_XXS", 20: "IQ2_XS", 21: "Q2_K_S", 22: "IQ3_XS" },
  ...{ 23: "IQ3_XXS", 24: "IQ1_S", 25: "IQ4_NL", 26: "IQ3_S", 27: "IQ3_M", 28: "IQ2_S" },
  ...{ 29: "IQ2_M", 30: "IQ4_XS", 31: "IQ1_M", 32: "BF16", 36: "TQ1_0", 37: "TQ2_0" },
  38: "MXFP4_MOE",
};

/** Sums up the head of a file of `sizeBytes`. */
export function fileFacts({ metadata, tensors }: Gguf, sizeBytes: number): FileFacts {
  const shares = typeShares(tensors.values());
  const parameters = [...tensors.values()].reduce((sum, tensor) => sum + elementsOf(tensor), 0);
  const fileType = metadata.get("general.file_type")?.value;
  // F32 is also what writers leave there who know no better.
  const named = typeof fileType === "number" && fileType > 0 ? MIXES[fileType] : undefined;
  return { sizeBytes, parameters, quantization: named ?? shares[0]?.type ?? "F32" };
}

/** The tensors of one number format. */
export interface TypeShare {
  readonly type: string;
  readonly tensors: number;
  readonly parameters: number;
  readonly sizeBytes: number;
}

/** Numbers that a tensor holds. */
export function elementsOf({ dims }: Pick<TensorInfo, "dims">): number {
  return dims.reduce((product, size) => product * size, 1);
}

/** The formats of these tensors, the most bytes first. */
export function typeShares(tensors: Iterable<TensorInfo>): TypeShare[] {
  const groups = Map.groupBy(tensors, ({ type }) => type.name);
  return [...groups].map(([type, group]) => ({
    type,
    tensors: group.length,
    parameters: group.reduce((sum, tensor) => sum + elementsOf(tensor), 0),
    sizeBytes: group.reduce((sum, tensor) => sum + tensor.sizeBytes, 0),
  })).sort((a, b) => b.sizeBytes - a.sizeBytes);
}
