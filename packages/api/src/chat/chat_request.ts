/** A conversation to be answered, in no wire format: what OpenAI's, DeepSeek's and Ollama's requests become. Types only. */
import type { ChatMessage } from "@aha/runtime";
import type { ServedOptions } from "../engine/served_model.ts";
import type { JsonSchema } from "../structured/constraint_spec.ts";

/** A function that the model may call. */
export interface FunctionTool {
  readonly name: string;
  readonly description?: string;
  /** JSON Schema of an object; default: any object. */
  readonly parameters?: JsonSchema;
  /** Whether the arguments are held to the schema while they are drawn. Default true. */
  readonly strict?: boolean;
}

/** Which functions may or must be called. */
export type ToolChoice = "auto" | "none" | "required" | { readonly name: string };

/** What to answer and how. Messages are in OpenAI's form: `tool_calls[].function.arguments` is a string. */
export interface ChatRequest {
  readonly messages: readonly ChatMessage[];
  readonly tools?: readonly FunctionTool[];
  readonly toolChoice?: ToolChoice;
  /** Whether several functions may be called at once. Default true. */
  readonly parallelToolCalls?: boolean;
  /** Whether to think, or most tokens of a thought. Default: as the model does. */
  readonly think?: "on" | "off" | number;
  readonly templateVariables?: Readonly<Record<string, unknown>>;
  /** Any JSON object, or what a schema describes; missing: any text. */
  readonly format?: "json" | { readonly schema: JsonSchema };
  /** Text that the answer begins with and that is not told again. */
  readonly prefix?: string;
  /** How many answers. Default 1. */
  readonly choices?: number;
  readonly options: ServedOptions;
}
