/** What an answer in the making tells, in no wire format. Types only. */
import type { Timings, Usage } from "@aha/runtime";
import type { ServedText } from "../engine/served_model.ts";

/** A function that the model has called; its arguments are whole and valid JSON, also where the answer was cut. */
export interface ToolCall {
  /** `call_` and 24 letters and digits. */
  readonly id: string;
  readonly name: string;
  /** JSON of an object. */
  readonly arguments: string;
}

/** Why an answer ended. */
export type ChatFinishReason = "stop" | "length" | "tool_calls";

/** An event of one choice. */
export type ChatEvent =
  & { readonly choice: number }
  & (
    | ServedText
    /** The `index`-th call of this choice, told as soon as it is whole. */
    | { readonly type: "tool_call"; readonly index: number; readonly call: ToolCall }
    | {
      readonly type: "end";
      readonly finishReason: ChatFinishReason;
      readonly usage: Usage;
      readonly timings: Timings;
    }
  );
