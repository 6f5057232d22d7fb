/** Reads the sizes of multi-head latent attention (DeepSeek-V2 2405.04434, section 2.1). Knows no tensors. */
import { isHeadSize, isSize, type KeyOf, type KeyValues, MAX_HEAD_SIZE } from "./key_values.ts";

/**
 * Two ways to compute the same attention. `absorbed` attends over the latents, which is all that the cache holds;
 * `naive` makes each head's keys and values of them and attends and caches as other models do.
 */
export type LatentForm = "absorbed" | "naive";

/** Sizes of latent attention. A head's q and k are [nope N | rotary P]. */
export interface LatentConfig {
  readonly form: LatentForm;
  /** Rank of the compressed queries; 0: they are not compressed. */
  readonly queryRank: number;
  /** R. */
  readonly rank: number;
  /** N. */
  readonly nopeSize: number;
  /** P. */
  readonly rotarySize: number;
  /** Dv. */
  readonly valueSize: number;
}

/**
 * Newer files tell the sizes of a head in `*_mla` and those of the latents in `key_length`; older ones, whose keys and
 * values come out of one joint matrix, tell a head's in `key_length`. Undefined for models without latents.
 */
export function readLatent(key: KeyOf, values: KeyValues): LatentConfig | undefined {
  if (key("") !== "deepseek2.") return undefined;
  const size = (name: string) =>
    values.optionalCount(key(`attention.${name}_mla`)) ?? values.count(key(`attention.${name}`));
  const rotarySize = values.count(key("rope.dimension_count"));
  return {
    form: "absorbed",
    queryRank: values.optionalCount(key("attention.q_lora_rank")) ?? 0,
    rank: values.count(key("attention.kv_lora_rank")),
    nopeSize: size("key_length") - rotarySize,
    rotarySize,
    valueSize: size("value_length"),
  };
}

/** What cannot be, as pairs of whether it is fine and what it is called. */
export function latentProblems(latent: LatentConfig | undefined): [boolean, string][] {
  if (!latent) return [];
  const { queryRank, rank, nopeSize, rotarySize, valueSize } = latent;
  const supported = `(multiples of 4 up to ${MAX_HEAD_SIZE} are supported)`;
  return [
    [queryRank === 0 || isSize(queryRank), `queries of rank ${queryRank}`],
    [
      isHeadSize(rank) && isHeadSize(rank + rotarySize),
      `latents of ${rank} and ${rotarySize} rotary ${supported}`,
    ],
    [isHeadSize(nopeSize), `heads of ${nopeSize} beside ${rotarySize} rotary ${supported}`],
    [isHeadSize(valueSize), `values of ${valueSize} ${supported}`],
  ];
}
