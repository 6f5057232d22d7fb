/** Documents to be trained on as they are: base data that thinks now and then, and gold traces. Judges nothing. */
import { CounterRandom } from "../counter_random.ts";
import type { Split } from "../hash_split.ts";
import { type DigitStyle, DigitWriter, type Language, LANGUAGES } from "./digits.ts";
import { drawPrompt, type NanoDraws, readDraws } from "./draws.ts";
import { NANO_TASKS, type NanoPrompt, type NanoTaskName, writePrompt } from "./prompt.ts";
import { TOKEN } from "./vocabulary.ts";

/** What documents are made of; the defaults are the base data's. */
export interface NanoDocumentOptions extends NanoDraws {
  /** Share of reasoning problems whose document thinks before it answers; the others answer at once. Default 0.4. */
  readonly thoughtShare?: number;
  /** Share of documents in tags; the others end in `[thought] = answer </s>`, as texts of the web would. Default 0.8. */
  readonly taggedShare?: number;
  /**
   * `"any"` (default): thought and answer are in one language, the other, or a mix of both, a third each, whatever
   * the tag says. `"asked"`: in the tag's.
   */
  readonly languageOf?: "any" | "asked";
}

/** One document, `<s>` to `</s>`. */
export interface NanoDocument {
  readonly ids: number[];
  /** Ids of the prompt, which come first. */
  readonly promptLength: number;
  readonly task: NanoTaskName;
  readonly level: number;
  /** The language that is asked for. */
  readonly language: Language;
  readonly hasThought: boolean;
  readonly isTagged: boolean;
}

/** Documents by number: the same number gives the same document. */
export interface NanoDocuments {
  document(index: number): NanoDocument;
}

/** Shares of base data (nano study, section 2). */
const BASE_TASKS = { CHAIN: 0.235, MUL: 0.235, EVAL: 0.235, CD: 0.235, GENERAL: 0.06 };
const STREAMS: Readonly<Record<Split, number>> = { train: 1, test: 2 };

/**
 * Endless documents of the nano tasks, of problems that are not held out unless `split` says so.
 *
 * Base data by default. Gold traces: `{ thoughtShare: 1, taggedShare: 1, languageOf: "asked" }`; direct answers: with
 * `thoughtShare: 0`.
 *
 * @throws {RangeError} for shares outside of 0 to 1, weights without a sum, and levels that a task does not have
 *
 * @example
 * ```ts
 * import { decodeWords, nanoDocuments } from "@aha/grpo/tasks";
 *
 * const base = nanoDocuments({ seed: 1, thoughtShare: 0.4 });
 * for (let i = 0; i < 3; i++) console.log(decodeWords(base.document(i).ids));
 * ```
 */
export function nanoDocuments(options: NanoDocumentOptions): NanoDocuments {
  const { thoughtShare = 0.4, taggedShare = 0.8, languageOf = "any" } = options;
  checkShare("thoughtShare", thoughtShare);
  checkShare("taggedShare", taggedShare);
  const draws = readDraws({ tasks: BASE_TASKS, ...options });
  return {
    document(index) {
      const random = new CounterRandom(draws.seed, STREAMS[draws.split], index);
      const asked = drawPrompt(draws, random);
      const ids = writePrompt(asked, asked.questionStyle, random);
      const promptLength = ids.length;
      const isTagged = random.fraction() < taggedShare;
      const style = languageOf === "asked" ? asked.language : anyStyle(draws.languages, random);
      const hasThought = writeCompletion(asked, {
        isTagged,
        isThinking: random.fraction() < thoughtShare,
        writer: new DigitWriter(style, random),
        random,
      }, ids);
      const { task, language } = asked;
      const level = NANO_TASKS[task].level(asked.problem);
      return { ids, promptLength, task, level, language, hasThought, isTagged };
    },
  };
}

interface CompletionForm {
  readonly isTagged: boolean;
  readonly isThinking: boolean;
  readonly writer: DigitWriter;
  readonly random: CounterRandom;
}

/** Writes a right completion behind the prompt; says whether it thinks. */
function writeCompletion(asked: NanoPrompt, form: CompletionForm, ids: number[]): boolean {
  const { writer, random } = form;
  const solution = NANO_TASKS[asked.task].solve(asked.problem, random);
  const thought = form.isThinking ? solution.thought : [];
  if (form.isTagged) {
    ids.push(TOKEN.think);
    writer.write(thought, ids);
    ids.push(TOKEN.thinkEnd, TOKEN.answer);
    writer.write(solution.answer, ids);
    ids.push(TOKEN.answerEnd, TOKEN.end);
  } else {
    writer.write(thought, ids);
    ids.push(TOKEN.equals);
    writer.write(solution.answer, ids);
    ids.push(TOKEN.end);
  }
  return thought.length > 0;
}

function anyStyle(languages: readonly Language[], random: CounterRandom): DigitStyle {
  return languages.length === 1 ? languages[0] : random.pick([...LANGUAGES, "mixed"] as const);
}

function checkShare(name: string, share: number): void {
  if (share >= 0 && share <= 1) return;
  throw new RangeError(`${name} is ${share}, it must be a number from 0 to 1`);
}
