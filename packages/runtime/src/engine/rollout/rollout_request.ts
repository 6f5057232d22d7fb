/** What groups of rollouts are asked for, and whether it can be done. Runs nothing. */
import { LOWEST_TEMPERATURE } from "../../sampler/draw_options.ts";
import type { ModelConfig } from "../../model/config.ts";

/** Which random numbers a completion is drawn with: Philox's key, and a part of its counter. */
export interface RolloutSeed {
  /** Whole numbers of 32 bits. */
  readonly seed: readonly [low: number, high: number];
  /** A whole number of 32 bits. */
  readonly choice: number;
  /** Counter of the first token, which counts up from token to token. Default 0; `model.complete` has the prompt's length. */
  readonly position?: number;
}

/** Ids that are forced where a completion has not come to an end of its own, such as that of a thought, in time. */
export interface ForcedEnd {
  /** Tokens after which they are. */
  readonly after: number;
  /** Those that are forced, one after the other; of a beginning that stands there already only the rest. */
  readonly ids: readonly number[];
  /** Ids whose appearance, one after the other, makes it needless. Default: the first of `ids`. */
  readonly closing?: readonly number[];
}

/** Groups of completions, one group a prompt. */
export interface RolloutRequest {
  /** Ids of each prompt `[P]`, at least one. Each is fed once, its group shares its pages. */
  readonly prompts: readonly ArrayLike<number>[];
  /** Completions of a prompt: G. */
  readonly group: number;
  /** Most tokens of a completion. */
  readonly maxTokens: number;
  /** 0 takes the best token. */
  readonly temperature: number;
  /** As in `Draw`; they change what is drawn and no log-probability. Default: the distribution is whole. */
  readonly topK?: number;
  readonly topP?: number;
  readonly minP?: number;
  /** A token that ends a completion and is its last one. */
  readonly endIds: Iterable<number>;
  /** Never drawn. */
  readonly bannedIds?: Iterable<number>;
  /** The random numbers of completion `index` of prompt `prompt`. Asked for once, when it starts. */
  readonly draw: (prompt: number, index: number) => RolloutSeed;
  readonly force?: ForcedEnd;
  /** Completions that run at once; others start as these end. Default: 256, fewer where their keys and values would take more than 1 GiB. */
  readonly mostSequences?: number;
  readonly signal?: AbortSignal;
  /** Told after each step: tokens drawn and completions ended so far. */
  readonly onProgress?: (doneTokens: number, doneSequences: number) => void;
}

/** A completion. */
export interface Rollout {
  /** Its tokens, an end token included. */
  readonly ids: Int32Array;
  /**
   * log-softmax(logits / temperature) of each (natural log, temperature 1 where it is 0): the bits of `Ops.tokenLogprobs`
   * over the whole sequence.
   */
  readonly logps: Float32Array;
  /** Whether an end token ended it, and not `maxTokens`. */
  readonly isFinished: boolean;
}

const MOST_TEMPERATURE = 100;
const MOST_TOP_K = 2 ** 31 - 1;

/** @throws {RangeError} naming what is out of range */
export function checkRequest(request: RolloutRequest, config: ModelConfig): void {
  const { prompts, group, maxTokens, temperature, mostSequences = 1 } = request;
  expectWhole("group", group, 1);
  expectWhole("maxTokens", maxTokens, 1);
  expectWhole("mostSequences", mostSequences, 1);
  expectWhole("topK", request.topK ?? 0, 0, MOST_TOP_K);
  const drawn = temperature === 0 || temperature >= LOWEST_TEMPERATURE;
  expect(
    drawn && temperature <= MOST_TEMPERATURE,
    `temperature is ${temperature}, it must be 0 or from ${LOWEST_TEMPERATURE} to ${MOST_TEMPERATURE}`,
  );
  for (const [name, share] of [["topP", request.topP ?? 1], ["minP", request.minP ?? 0]] as const) {
    expect(share >= 0 && share <= 1, `${name} is ${share}, it must be from 0 to 1`);
  }
  prompts.forEach((ids, prompt) => {
    const tokens = ids.length + maxTokens;
    expect(ids.length > 0, `Prompt ${prompt} is empty: give at least one token`);
    expect(
      tokens <= config.contextTokens,
      `Prompt ${prompt} of ${ids.length} tokens and maxTokens ${maxTokens} exceed the context of ` +
        `${config.contextTokens} tokens: shorten one of them`,
    );
    expectIds(`Prompt ${prompt}`, ids, config);
  });
  expectIds("bannedIds", Array.from(request.bannedIds ?? []), config);
  if (!request.force) return;
  expectWhole("force.after", request.force.after, 0);
  expectIds("force.ids", request.force.ids, config);
}

function expectIds(what: string, ids: ArrayLike<number>, { vocabulary }: ModelConfig): void {
  for (let i = 0; i < ids.length; i++) {
    const isKnown = Number.isInteger(ids[i]) && ids[i] >= 0 && ids[i] < vocabulary;
    expect(isKnown, `${what}: token id ${ids[i]} is outside the vocabulary of ${vocabulary}`);
  }
}

function expectWhole(name: string, value: number, low: number, high = Infinity): void {
  const isWhole = Number.isInteger(value) && value >= low && value <= high;
  expect(isWhole, `${name} is ${value}, it must be a whole number of at least ${low}`);
}

function expect(holds: boolean, message: string): void {
  if (!holds) throw new RangeError(message);
}
