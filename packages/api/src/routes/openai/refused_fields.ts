/** What several routes refuse by a sentence. */
import type { FailureKind } from "../../errors.ts";

export const NO_ADAPTERS: readonly [FailureKind, string] = [
  "not_built",
  "lora is not built yet: adapters come with training",
];
