/** Reads the sizes of multi-head latent attention out of config.json. Knows no tensors and no GGUF keys. */
import { CheckpointError, UnsupportedError } from "../../errors.ts";
import { ConfigValues } from "./config_values.ts";
import type { JsonObject } from "./json_file.ts";

/** Sizes of multi-head latent attention (DeepSeek-V2 2405.04434, 2.1). */
export interface LatentConfig {
  /** Rank of the queries' own latent; without one, queries are made of the hidden state itself. */
  readonly queryRank?: number;
  /** R, rank of the latent of keys and values. */
  readonly rank: number;
  /** N, part of a head's keys that does not rotate. */
  readonly nopeSize: number;
  /** P, part that rotates, one for all heads. */
  readonly rotarySize: number;
  /** N + P. */
  readonly keySize: number;
  /** Dv. */
  readonly valueSize: number;
}

/** Throws a CheckpointError where a size is missing or odd, an UnsupportedError where halves of a head rotate together. */
export function readLatentConfig(json: JsonObject, where: string): LatentConfig {
  const values = new ConfigValues(json, where);
  if (json.rope_interleave === false) {
    throw new UnsupportedError("rope_interleave false is not supported", "rope_interleave");
  }
  const nopeSize = values.count("qk_nope_head_dim");
  const rotarySize = values.count("qk_rope_head_dim");
  if (rotarySize % 2 !== 0) {
    throw new CheckpointError(
      `${where}: the model cannot have ${rotarySize} elements of a head that rotate`,
      where,
    );
  }
  return {
    queryRank: values.optionalCount("q_lora_rank"),
    rank: values.count("kv_lora_rank"),
    nopeSize,
    rotarySize,
    keySize: nopeSize + rotarySize,
    valueSize: values.count("v_head_dim"),
  };
}
