/** What the command line says of the models that come with it: what they are, what to ask, and why an answer means little. Prints nothing. */
import { findModel, manifest } from "@aha/weights";
import type { CommandIo } from "../command.ts";
import { dimText } from "../terminal/dim_text.ts";
import { errorLine } from "../terminal/error_line.ts";
import { countText } from "../terminal/size_text.ts";

/** A problem for a first try. */
export const FIRST_PROMPT = "CHAIN A 9 B 4 C 8 ?";

/** A problem of each task, to be copied; all values are modulo 10, the numbers of MUL begin with their lowest digit. */
const PROMPTS: readonly string[] = [
  FIRST_PROMPT,
  "EVAL ((8-(1*8))-5) ?",
  "CD 3 9 6 : 0 ?",
  "MUL 5 5 * 5 6 ?",
  "SORT 7 9 5 ?",
];

/** The smallest of the distills that DeepSeek has published, at a size for small machines. */
const DISTILL =
  "hf:bartowski/DeepSeek-R1-Distill-Qwen-1.5B-GGUF/DeepSeek-R1-Distill-Qwen-1.5B-Q4_K_M.gguf";

/** What stands before the words of the template itself. */
const TEMPLATE_FAILED = /^The chat template failed: /;

/** Whether the model comes with Aha, and so knows no words but its tasks'. */
export function isNano(model: string): boolean {
  return findModel(model)?.packaged !== undefined;
}

/** Two lines for a person at a terminal; nothing for other models, and where nobody reads. */
export function introduction(model: string, io: CommandIo): string {
  if (!io.errorIsTerminal || !isNano(model)) return "";
  const { parameters = 0 } = findModel(model)!;
  const lines = [
    `${model} demonstrates reasoning: ${
      countText(parameters)
    } parameters, trained from nothing by ` +
    `this project's R1 recipe. A distill of R1: aha pull ${DISTILL}`,
    `Its second language has a to j for 0 to 9. Ask it: ${PROMPTS.join(" | ")}`,
  ];
  const dim = dimText(io, io.errorIsTerminal);
  return lines.map((line) => `${dim(line)}\n`).join("");
}

/** The remark on a prompt of a model that comes with Aha which is unlike those that it has learnt; empty where there is nothing to say. */
export async function remark(model: string, promptText: string): Promise<string> {
  if (!isNano(model)) return "";
  const { strangeness } = await import("@aha/grpo/tasks");
  const why = strangeness(promptText);
  if (why === null) return "";
  return `${model} has learnt no problem of this form (${why}), so its answer means little; ask it ${
    PROMPTS.join(" | ")
  }\n`;
}

/** The line for a prompt that is not of a model's words; `word` is the prompt where it might have been meant as a model's name. */
export function refusal(model: string, error: unknown, word?: string): string {
  const others = manifest.models.filter(({ name }) => !isNano(name)).map(({ name }) => name);
  const known = manifest.models.map(({ name }) => name).join(", ");
  const more = word === undefined || /\s/.test(word)
    ? `for questions in words: aha run ${others[0]} PROMPT`
    : `no model is called so either, known are ${known}`;
  return `${model}: ${errorLine(error).replace(TEMPLATE_FAILED, "")} (${more})`;
}
