/** Whether a prompt is like those that base data of the nano tasks have. Judges no completion. */
import { digitLanguage } from "./digits.ts";
import { NANO_TASKS, readPrompt } from "./prompt.ts";
import { readWords } from "./vocabulary.ts";

/**
 * What makes a prompt another one than those that a model of CHAIN, MUL, EVAL, CD and GENERAL has learned, in a few words;
 * null where nothing does.
 *
 * @example
 * ```ts
 * import { strangeness } from "@aha/grpo/tasks";
 *
 * console.log(strangeness("<s> <en> CHAIN A 9 B 4 C 8 ?")); // null
 * console.log(strangeness("<s> <en> CHAIN a 9 b 4 c 8 ?")); // a to j are digits, ...
 * ```
 */
export function strangeness(prompt: string): string | null {
  const ids = readWords(prompt);
  const asked = readPrompt(ids);
  if (!asked) return "it is no problem of these tasks";
  if (new Set(ids.flatMap((id) => digitLanguage(id) ?? [])).size > 1) {
    return "a to j are digits, and come with no others in one problem";
  }
  const { task, problem } = asked;
  if (task === "CHAIN6") return "digits of CHAIN have labels before them, A to J";
  const { levels, level } = NANO_TASKS[task];
  if (levels.includes(level(problem))) return null;
  const what = task === "EVAL" ? "operators" : "digits";
  return `${task} goes up to ${Math.max(...levels)} ${what}`;
}
