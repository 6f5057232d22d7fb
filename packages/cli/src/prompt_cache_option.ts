/** `--prompt-cache FILE`: restores a prompt's keys before the answer and saves them after it. Generates nothing. */
import { existsSync } from "node:fs";
import { type Model, PAGE_TOKENS, type RestoredPromptCache } from "@aha/runtime";
import { type CommandIo, type OptionSpec, type OptionValues, UsageError } from "./command.ts";
import { stringOption } from "./options.ts";

/** The option. */
export const promptCacheOptionSpecs: Readonly<Record<string, OptionSpec>> = {
  "prompt-cache": {
    type: "string",
    value: "FILE",
    help: "keep the prompt's keys and values in FILE, so that it is fed only once",
  },
};

/** A file that `--prompt-cache` names. */
export class PromptCacheFile {
  #restored: RestoredPromptCache | undefined;
  #savedTokens = 0;

  private constructor(readonly path: string) {}

  /** The file that the command line names, if any. */
  static of(values: OptionValues): PromptCacheFile | undefined {
    const path = stringOption(values, "prompt-cache");
    if (path === "") throw new UsageError('--prompt-cache "" is not allowed; give a file');
    return path === undefined ? undefined : new PromptCacheFile(path);
  }

  /** Takes what the file holds into the model's cache; does nothing where there is no file yet. */
  async restore(model: Model, { signal }: CommandIo): Promise<void> {
    if (!existsSync(this.path)) return;
    this.#restored = await model.restorePromptCache(this.path, { signal });
  }

  /** Writes the file where it lacks a page of the prompt. */
  async save(model: Model, promptIds: readonly number[], { signal }: CommandIo): Promise<void> {
    const held = this.#restored?.ids ?? [];
    const differs = promptIds.findIndex((id, i) => id !== held[i]);
    const shared = differs < 0 ? promptIds.length : differs;
    const wholePages = Math.floor(promptIds.length / PAGE_TOKENS) * PAGE_TOKENS;
    if (shared >= wholePages) return;
    const overwrite = this.#restored !== undefined;
    const saved = await model.savePromptCache(promptIds, this.path, { overwrite, signal });
    this.#savedTokens = saved.savedTokens;
  }

  /** A line of figures. */
  summary(promptTokens: number, reusedTokens: number): string {
    const saved = this.#savedTokens > 0 ? `, ${this.#savedTokens} saved` : "";
    return `prompt cache ${reusedTokens} of ${promptTokens} tokens reused${saved}`;
  }
}
