/** Chooses what guesses the tokens of one answer. Guesses nothing itself. */
import { UnsupportedError } from "../../errors.ts";
import type { GenerateOptions, Timings } from "../../events.ts";
import type { MultiToken } from "../../model/language_model.ts";
import type { Drafter } from "./drafts.ts";
import { MultiTokenDrafter } from "./multi_token_drafter.ts";
import { type DrawAfter, PromptDrafter } from "./prompt_drafter.ts";

/** A drafter that counts. */
export type CountingDrafter = Drafter & Pick<Timings, "draftedTokens" | "acceptedTokens">;

/**
 * The drafter that an answer asks for; `auto` takes the model's own layer where it has one.
 * @throws {RangeError} when `speculation` is no word of its own
 * @throws {UnsupportedError} when it asks for a layer that the model does not have
 */
export function chooseDrafter(
  speculation: GenerateOptions["speculation"] = "auto",
  multiToken: MultiToken | undefined,
  history: number[],
  drawAfter: DrawAfter,
): CountingDrafter | undefined {
  switch (speculation) {
    case "off":
      return undefined;
    case "lookup":
      return new PromptDrafter(history, drawAfter);
    case "auto":
      return multiToken
        ? new MultiTokenDrafter(history, drawAfter, multiToken.cost)
        : new PromptDrafter(history, drawAfter);
    case "mtp":
      if (multiToken) return new MultiTokenDrafter(history, drawAfter, multiToken.cost);
      throw new UnsupportedError(
        "speculation is mtp, but the model has no layer for multi-token prediction",
        speculation,
      );
    default:
      throw new RangeError(`speculation is ${speculation}, it must be auto, lookup, mtp or off`);
  }
}
