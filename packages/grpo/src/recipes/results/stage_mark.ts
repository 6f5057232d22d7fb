/** What `stage.json` says of a stage that is done. Types only. */
import type { StageName } from "../stage/lab.ts";

/** The mark of a stage. */
export interface StageMark {
  readonly stage: StageName;
  readonly seed: number;
  /** Its settings as JSON. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Steps of the optimizer. */
  readonly steps: number;
  /** Tokens that were trained on. */
  readonly tokens: number;
  /** Of training and evaluation; sampling of data stands in `data.json`. */
  readonly seconds: { readonly training: number; readonly evaluation: number };
  /** Stages that it was made from. */
  readonly needs: readonly StageName[];
}
