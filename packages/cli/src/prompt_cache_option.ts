/** `--prompt-cache FILE`: restores a prompt's keys before the answer and saves them after it. Generates nothing. */
import { statSync } from "node:fs";
import {
  type AdapterChoice,
  type Model,
  PAGE_TOKENS,
  type RestoredPromptCache,
} from "@aha/runtime";
import { openFileSink } from "@aha/runtime/gguf";
import { type CommandIo, type OptionSpec, type OptionValues, UsageError } from "./command.ts";
import { stringOption } from "./options.ts";

/** The option. */
export const promptCacheOptionSpecs: Readonly<Record<string, OptionSpec>> = {
  "prompt-cache": {
    type: "string",
    value: "FILE",
    help:
      "keep the longest prompt's keys and values (not its answer) in FILE, to feed it only once",
  },
};

/** A file that `--prompt-cache` names. */
export class PromptCacheFile {
  #restored: RestoredPromptCache | undefined;
  /** Why nothing can be written where a file is there to be read. */
  #readOnlyReason: string | undefined;
  #outcome = "";

  private constructor(readonly path: string) {}

  /** The file that the command line names, if any. */
  static of(values: OptionValues): PromptCacheFile | undefined {
    const path = stringOption(values, "prompt-cache");
    if (path === "") throw new UsageError('--prompt-cache "" is not allowed; give a file');
    return path === undefined ? undefined : new PromptCacheFile(path);
  }

  /**
   * Finds out before a model is loaded whether the file can be written. One that can only be read is used all the same,
   * and said to be.
   * @throws {OutputError}
   */
  async check(io: CommandIo): Promise<void> {
    try {
      (await openFileSink(this.path, { overwrite: true })).abort();
    } catch (error) {
      const { message } = error as Error;
      if (!this.#isFilled()) {
        (error as Error).message = `${message}; name another file for --prompt-cache`;
        throw error;
      }
      this.#readOnlyReason = message;
      io.error(`aha: ${message}; the prompt cache is used but not saved\n`);
    }
  }

  /** Takes what the file holds into the model's cache; does nothing where there is no file yet, or an empty one. */
  async restore(model: Model, { signal }: CommandIo, adapter?: AdapterChoice): Promise<void> {
    if (!this.#isFilled()) return;
    this.#restored = await model.restorePromptCache(this.path, { adapter, signal });
  }

  /** Writes the file where the prompt has more whole pages than it; a longer or equal one stays, whatever it holds. */
  async save(
    model: Model,
    promptIds: readonly number[],
    { signal }: CommandIo,
    adapter?: AdapterChoice,
  ): Promise<void> {
    const held = this.#restored?.ids ?? [];
    const wholePages = Math.floor(promptIds.length / PAGE_TOKENS) * PAGE_TOKENS;
    if (wholePages === 0) {
      this.#outcome = `, nothing saved: a prompt under ${PAGE_TOKENS} tokens`;
    } else if (wholePages <= held.length) {
      const isHeld = promptIds.slice(0, wholePages).every((id, i) => id === held[i]);
      this.#outcome = isHeld ? "" : `, not saved: the file's prompt of ${held.length} is kept`;
    } else if (this.#readOnlyReason !== undefined) {
      this.#outcome = ", nothing saved: the file can only be read";
    } else {
      const options = { overwrite: true, adapter, signal };
      const { savedTokens } = await model.savePromptCache(promptIds, this.path, options);
      this.#outcome = `, ${savedTokens} saved`;
    }
  }

  /** A line of figures. */
  summary(promptTokens: number, reusedTokens: number): string {
    return `prompt cache ${reusedTokens} of ${promptTokens} tokens reused${this.#outcome}`;
  }

  #isFilled(): boolean {
    const stat = statSync(this.path, { throwIfNoEntry: false });
    return stat !== undefined && stat.isFile() && stat.size > 0;
  }
}
