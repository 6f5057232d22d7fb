/** A tiny model that thinks: a fixture with `<think>` and `</think>` among its tokens and a template of our own. Random weights, so its words mean nothing. */
import { type ModelSpec, modelSpec, withKey, writeModel } from "./edited_model.ts";

const SOURCE = "models/qwen2/gguf/model-F16.gguf";
const USER_DEFINED = 4;

/** Ends a prompt with an open thought, as R1's template does. */
export const R1_TEMPLATE =
  "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n" +
  "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n<think>\n{% endif %}";

/** Has Qwen3's switch. */
export const QWEN3_TEMPLATE = R1_TEMPLATE.replace(
  "<think>\n",
  "{% if enable_thinking is defined and enable_thinking is false %}<think>\n\n</think>\n\n{% endif %}",
);

/** Writes the model into a folder; `asText`: the tags are no tokens, only the template writes them. */
export async function writeThinkingModel(
  folder: string,
  template: string,
  asText = false,
): Promise<string> {
  const spec = await modelSpec(SOURCE);
  const tagged = asText ? spec : withThinkTokens(spec);
  return writeModel(
    folder,
    withKey(tagged, "tokenizer.chat_template", { type: "string", value: template }),
  );
}

/** The tokens of the last two merges become the tags. */
function withThinkTokens(spec: ModelSpec): ModelSpec {
  const listOf = (key: string): unknown[] => {
    const value = spec.metadata.find(([name]) => name === key)?.[1];
    return value?.type === "array" ? [...value.items] : [];
  };
  const merges = listOf("tokenizer.ggml.merges") as string[];
  const tokens = listOf("tokenizer.ggml.tokens") as string[];
  const types = listOf("tokenizer.ggml.token_type") as number[];
  for (const tag of ["<think>", "</think>"]) {
    const id = tokens.indexOf((merges.pop() ?? "").replace(" ", ""));
    tokens[id] = tag;
    types[id] = USER_DEFINED;
  }
  const changed = withKey(spec, "tokenizer.ggml.merges", {
    type: "array",
    of: "string",
    items: merges,
  });
  const named = withKey(changed, "tokenizer.ggml.tokens", {
    type: "array",
    of: "string",
    items: tokens,
  });
  return withKey(named, "tokenizer.ggml.token_type", { type: "array", of: "int32", items: types });
}
