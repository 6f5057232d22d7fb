/** Which words of a command line are model and prompt where either may be left out. Opens no model. */
import { findModel } from "@aha/weights";
import { statSync } from "node:fs";

/** The model of commands that name none; it comes with Aha. */
export const DEFAULT_MODEL = "nano";

/** A model and, where there is one, the prompt that stands behind it. */
export interface ModelAndPrompt {
  readonly model: string;
  readonly prompt?: string;
}

/**
 * The words of `[MODEL] [PROMPT]`. A single one is a model if it can be one: a known name, a file that is there, what begins
 * with `hf:` or as a URL, or looks like a path. Anything else is a prompt for the default model, unless the prompt
 * comes another way (`hasPrompt`).
 */
export function modelAndPrompt(
  [first, second]: readonly string[],
  hasPrompt: boolean,
): ModelAndPrompt {
  if (first === undefined) return { model: DEFAULT_MODEL };
  if (second !== undefined) return { model: first, prompt: second };
  return hasPrompt || isModel(first) ? { model: first } : { model: DEFAULT_MODEL, prompt: first };
}

function isModel(word: string): boolean {
  if (findModel(word) || /^(hf:|https?:|file:)/i.test(word) || /\.gguf$/i.test(word)) return true;
  return (/[\\/]/.test(word) && !/\s/.test(word)) || isFile(word);
}

function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false; // too long for a path, or with a sign that none may have: a prompt
  }
}
