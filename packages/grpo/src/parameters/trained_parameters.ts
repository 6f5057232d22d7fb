/** Chooses what is trained: all of a model, or its adapters. Creates no adapters. */
import {
  type LanguageModel,
  type NamedParameters,
  type TrainableBackend,
  UnsupportedError,
} from "@aha/runtime/training";
import type { Adapters } from "@aha/runtime/lora";
import { isMatrix, ParameterSet, type SharedParameters } from "./parameter_set.ts";

/** What no gradient changes: divisors of RoPE's frequencies, and the bias that only steers a router's choice. */
const CONSTANTS = /^rope_freqs\.|\.exp_probs_b\.bias$/;

const TABLE = "token_embd.weight";

/**
 * All matrices and vectors of a model.
 * @throws {UnsupportedError} naming the first matrix that is not F32: steps would be lost in the rounding
 */
export function fullParameters(
  { grad }: Pick<TrainableBackend, "grad">,
  model: LanguageModel,
  parameters: NamedParameters,
): ParameterSet {
  const trained = [...parameters].filter(([name]) => !CONSTANTS.test(name));
  for (const [name, parameter] of trained) {
    if (!isMatrix(parameter) || parameter.type === "F32") continue;
    throw new UnsupportedError(
      `Full training needs F32 weights, ${name} is ${parameter.type}: train adapters, or convert the model`,
      parameter.type,
    );
  }
  const tied = model.head.name === TABLE ? TABLE : undefined;
  return new ParameterSet(grad, new Map(trained), {
    tied,
    guessed: guessedWith(model, parameters),
  });
}

/** What the layer for multi-token prediction takes from the model, having none of its own. */
function guessedWith(
  { head, multiToken, config }: LanguageModel,
  parameters: NamedParameters,
): SharedParameters["guessed"] {
  if (!multiToken) return undefined;
  const has = (part: string) => parameters.has(`blk.${config.layers}.nextn.${part}.weight`);
  return {
    ...(has("embed_tokens") ? {} : { table: TABLE }),
    ...(has("shared_head_head") ? {} : { head: head.name }),
    ...(has("shared_head_norm") ? {} : { norm: "output_norm.weight" }),
  };
}

/** The two matrices of each adapter, named as GGUF names them: `blk.0.attn_q.weight.lora_a` and `.lora_b`. */
export function adapterParameters(
  { grad }: Pick<TrainableBackend, "grad">,
  adapters: Adapters,
): ParameterSet {
  const pairs = [...adapters.values()].flatMap(({ a, b }) => [a, b]);
  return new ParameterSet(grad, new Map(pairs.map((weight) => [weight.name, weight])));
}
