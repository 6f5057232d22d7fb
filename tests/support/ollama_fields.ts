/** Fields of Ollama's objects as its own server sends them (api/types.go of August 2026), for tests of the wire. */

const COUNTS = [
  ...["total_duration", "load_duration", "prompt_eval_count", "prompt_eval_duration"],
  ...["eval_count", "eval_duration"],
];
const DETAILS = [
  ...["parent_model", "format", "family", "families", "parameter_size", "quantization_level"],
];

/** In no order. */
export const OLLAMA_FIELDS = {
  chatLine: ["model", "created_at", "message", "done"],
  chatEnd: ["model", "created_at", "message", "done", "done_reason", ...COUNTS],
  generateLine: ["model", "created_at", "response", "done"],
  generateEnd: ["model", "created_at", "response", "done", "done_reason", "context", ...COUNTS],
  embed: ["model", "embeddings", "total_duration", "load_duration", "prompt_eval_count"],
  tag: ["name", "model", "modified_at", "size", "digest", "details"],
  running: [
    ...["name", "model", "size", "digest", "details", "expires_at", "size_vram", "context_length"],
  ],
  show: [
    ...["license", "modelfile", "parameters", "template", "system", "details", "messages"],
    ...["model_info", "capabilities", "modified_at"],
  ],
  details: DETAILS,
} as const;

/** The keys of an object in one order. */
export function keysOf(value: unknown): string[] {
  return Object.keys(value as object).sort();
}

/** The lines of a stream, parsed. */
export function linesOf(text: string): Record<string, unknown>[] {
  return text.trim().split("\n").map((line) => JSON.parse(line));
}
