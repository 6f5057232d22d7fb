/** What one GRPO step is made of, the same for Aha and its peer, and what each of them tells of it. Runs nothing. */
import { VOCABULARY } from "../../packages/grpo/src/tasks/nano/vocabulary.ts";

/** Questions of a step, completions of each. */
export const [PROMPTS, GROUP] = [32, 8] as const;
export const [PROMPT_TOKENS, NEW_TOKENS] = [24, 48] as const;
/** `lean` runs blocks of the model again on the way back; `fast` keeps what they computed. */
export const WAYS = ["fast", "lean"] as const;
export type Way = typeof WAYS[number];

/** What a process is told, as JSON in a file. */
export interface Job {
  /** The model as a GGUF file, and the same weights as a Hugging Face folder. */
  readonly file: string;
  readonly folder: string;
  /** Texts of single words `[P]`, each word a token. */
  readonly prompts: readonly string[];
  /** Words by id `[V]`. */
  readonly words: readonly string[];
  readonly group: number;
  readonly newTokens: number;
  readonly beta: number;
  readonly learningRate: number;
  readonly threads: number;
  /** Steps in all; the first ones warm up and are told too. */
  readonly steps: number;
  readonly isCheckpointed: boolean;
  /** Completions that the peer trains on at once; it accumulates gradients over the others. */
  readonly peerBatch: number;
}

/** What a process tells, as JSON on its last line; arrays have a value a step. */
export interface Told {
  readonly versions: Readonly<Record<string, string>>;
  /** Of whole steps. */
  readonly seconds: readonly number[];
  /** Processor time of them, all threads together. */
  readonly cpuSeconds: readonly number[];
  /** Of them, of drawing the completions. */
  readonly rolloutSeconds: readonly number[];
  readonly meanLengths: readonly number[];
  readonly gradientNorms: readonly number[];
  /** Nats a token. */
  readonly entropies: readonly number[];
  /** Log-probabilities of the first prompt's tokens, from the second on, before any step. */
  readonly probe: readonly number[];
}

/** Words of the nano vocabulary that no template or task begins or ends with. */
const [FIRST_WORD, WORDS] = [9, 50];

/** A step's job but for the places of the model and the way. */
export function jobOf(
  { file, folder, way, threads, steps, peerBatch }:
    & Pick<Job, "file" | "folder" | "threads" | "steps" | "peerBatch">
    & { readonly way: Way },
): Job {
  const word = (prompt: number, i: number) =>
    i === 0 ? "<s>" : VOCABULARY[FIRST_WORD + (prompt * 7 + i * 13) % WORDS];
  const prompts = Array.from(
    { length: PROMPTS },
    (_, prompt) => Array.from({ length: PROMPT_TOKENS }, (_, i) => word(prompt, i)).join(" "),
  );
  return {
    ...{ file, folder, prompts, words: VOCABULARY, group: GROUP, newTokens: NEW_TOKENS },
    ...{ beta: 0.001, learningRate: 1e-4, threads, steps, peerBatch },
    isCheckpointed: way === "lean",
  };
}

/**
 * Whether two processes did the same work: the same model, completions of full length.
 * @throws {Error} saying what differs
 */
export function expectSameWork(told: Told, other: Told, steps: number): void {
  for (const { seconds, meanLengths } of [told, other]) {
    if (seconds.length === steps && meanLengths.every((length) => length === NEW_TOKENS)) continue;
    throw new Error(
      `${seconds.length} steps of completions of ${meanLengths} tokens were run, not ${steps} of ${NEW_TOKENS}`,
    );
  }
  const distance = Math.max(...told.probe.map((logp, i) => Math.abs(logp - other.probe[i])));
  if (told.probe.length === PROMPT_TOKENS - 1 && distance < MAX_DISTANCE) return;
  throw new Error(`The models differ: log-probabilities of a prompt by up to ${distance} nats`);
}

/** Of log-probabilities that both compute in f32. */
const MAX_DISTANCE = 1e-4;
