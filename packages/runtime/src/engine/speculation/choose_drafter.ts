/** Chooses what guesses the tokens of one answer. Guesses nothing itself. */
import { UnsupportedError } from "../../errors.ts";
import type { GenerateOptions, Timings } from "../../events.ts";
import type { ModelConfig } from "../../model/config.ts";
import type { LanguageModel, MultiToken } from "../../model/language_model.ts";
import { DraftLength, pairCost } from "./draft_length.ts";
import type { Drafter } from "./drafts.ts";
import { guessCost } from "../../model/multi_token.ts";
import { MultiTokenDrafter } from "./multi_token_drafter.ts";
import { type DrawAfter, PromptDrafter } from "./prompt_drafter.ts";

/** DeepSeek-V3's layer is right for 85 to 90 % of tokens (2412.19437, section 5.4.3); quantized ones somewhat less. */
const LAYER_RATE = 0.8;

/**
 * Whether a layer for multi-token prediction saves more time than it takes, if it is right as often as DeepSeek-V3's: it
 * runs over both rows of a step that checks a guess. In a model of few layers it does not pay (bench/nano/speculation.ts).
 */
export function layerPays(config: ModelConfig): boolean {
  const step = pairCost(config.mixture ? "mixture" : "dense") + 2 * guessCost(config);
  return 1 + LAYER_RATE > step;
}

/** A drafter that counts. */
export type CountingDrafter = Drafter & Pick<Timings, "draftedTokens" | "acceptedTokens">;

/**
 * The drafter that an answer asks for; `auto` takes the model's own layer where it has one, as long as that pays: in a
 * model of four layers it costs a third of a step.
 * @throws {RangeError} when `speculation` is no word of its own
 * @throws {UnsupportedError} when it asks for a layer that the model does not have
 */
export function chooseDrafter(
  speculation: GenerateOptions["speculation"] = "auto",
  { config, multiToken }: Pick<LanguageModel, "config" | "multiToken">,
  history: number[],
  drawAfter: DrawAfter,
): CountingDrafter | undefined {
  const kind = config.mixture ? "mixture" : "dense";
  const byLookup = () => new PromptDrafter(history, drawAfter, new DraftLength({ kind }));
  const byLayer = ({ cost: guessCost }: MultiToken, mustPay: boolean) =>
    new MultiTokenDrafter(
      history,
      drawAfter,
      new DraftLength({ kind, guessCost, firstRate: LAYER_RATE, mustPay }),
    );
  switch (speculation) {
    case "off":
      return undefined;
    case "lookup":
      return byLookup();
    case "auto":
      return multiToken ? byLayer(multiToken, true) : byLookup();
    case "mtp":
      if (multiToken) return byLayer(multiToken, false);
      throw new UnsupportedError(
        "speculation is mtp, but the model has no layer for multi-token prediction",
        speculation,
      );
    default:
      throw new RangeError(`speculation is ${speculation}, it must be auto, lookup, mtp or off`);
  }
}
