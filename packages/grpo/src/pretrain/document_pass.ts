/** One pass over documents, forth and back: the loss of their tokens, of multi-token prediction and of the experts' balance. Changes no parameter. */
import {
  type Batch,
  type Tensor,
  UnsupportedError,
  type Weight,
  yieldToHost,
} from "@aha/runtime/training";
import type { GradientPlaces } from "../autograd/recorder.ts";
import { Tape, type TapeOptions } from "../autograd/tape.ts";
import { NotFiniteError } from "../optim/not_finite.ts";
import { balanceLoss } from "../optim/balance_loss.ts";
import type { CountedSequence } from "../policy/counted_sequence.ts";
import { type MicroBatch, microBatches } from "../policy/micro_batches.ts";
import type { Policy } from "../policy/policy.ts";
import { addLoads, type ExpertLoads } from "./expert_loads.ts";
import { countGuesses, type GuessRows, guessRows } from "./guess_rows.ts";

/** How a pass runs. */
export interface DocumentPassOptions extends Pick<TapeOptions, "checkpoint"> {
  /** Lambda, the weight of multi-token prediction (DeepSeek-V3 2412.19437, equation 25). Default 0: that layer is left alone. */
  readonly multiTokenWeight?: number;
  /** Alpha, the factor of the sequence-wise balance loss (equations 17 to 20). Default 0. */
  readonly balanceFactor?: number;
  /** Most tokens that are computed at once, in whole documents: less memory, the same bits. Default: all of them. */
  readonly microBatchTokens?: number;
  readonly signal?: AbortSignal;
}

/** What a pass has found. */
export interface DocumentPass {
  /** Natural logarithms of the counted tokens' probabilities, document by document. */
  readonly logps: readonly Float32Array[];
  /** Their mean, negative: the cross entropy. */
  readonly loss: number;
  /** That of the guesses of the token after the next one, where they are trained; not weighted. */
  readonly multiTokenLoss?: number;
  /** Weighted by its factor, as it was added. */
  readonly balanceLoss?: number;
  /** Tokens that routers sent to experts. */
  readonly loads: ExpertLoads;
}

/** What a router did in a part. */
interface Routed {
  readonly layer: number;
  readonly scores: Promise<Float32Array>;
  readonly experts: Promise<Int32Array>;
}

/**
 * Adds to a policy's gradients those of: mean cross entropy of the counted tokens, plus lambda times that of multi-token
 * prediction (a mean over its own guesses, where equation 24 divides by all tokens), plus the balance loss. Documents are
 * segments of their own: none sees another (no cross-contamination, 2412.19437 section 4.1 packs with it).
 * @throws {UnsupportedError} if multi-token prediction is asked of a model without, or of adapters
 * @throws {NotFiniteError} naming the document where the model computes what is not finite
 * @throws {RangeError} for a document that is longer than the context, and where no token counts
 */
export async function addDocumentGradients(
  policy: Policy,
  documents: readonly CountedSequence[],
  options: DocumentPassOptions = {},
): Promise<DocumentPass> {
  const { config } = policy.model.model;
  checkDocuments(documents, config.contextTokens);
  const parts = microBatches(documents, options.microBatchTokens);
  const pass = new Pass(policy, documents, options, {
    tokens: parts.reduce((sum, { targets }) => sum + targets.length, 0),
    guesses: options.multiTokenWeight ? countGuesses(documents) : 0,
  });
  for (const part of parts) {
    await yieldToHost(options.signal);
    await pass.run(part);
  }
  return pass.found;
}

/** What is the same in all parts, and what they have found so far. */
class Pass {
  readonly #places: SwitchedPlaces;
  readonly #logps: Float32Array[] = [];
  readonly #guesses: Float32Array[] = [];
  readonly #balance: number[][] = [];
  readonly #loads = new Map<number, Float64Array>();

  constructor(
    private readonly policy: Policy,
    private readonly documents: readonly CountedSequence[],
    private readonly options: DocumentPassOptions,
    private readonly counts: { readonly tokens: number; readonly guesses: number },
  ) {
    if (counts.tokens === 0) throw new RangeError("No token of the documents counts");
    this.#places = new SwitchedPlaces(policy.parameters);
    if (!options.multiTokenWeight) return;
    if (policy.model.model.multiToken && policy.adapters.size === 0) return;
    throw new UnsupportedError(
      `multiTokenWeight is ${options.multiTokenWeight}, but ${
        policy.adapters.size > 0
          ? "adapters are trained, not the model"
          : "the model has no layer for multi-token prediction"
      }: leave it at 0`,
      "multiTokenWeight",
    );
  }

  get found(): DocumentPass {
    const { multiTokenWeight, balanceFactor } = this.options;
    return {
      logps: this.#logps,
      loss: meanLoss(this.#logps, this.counts.tokens),
      ...(multiTokenWeight && this.counts.guesses > 0
        ? { multiTokenLoss: meanLoss(this.#guesses, this.counts.guesses) }
        : {}),
      ...(balanceFactor && this.#loads.size > 0
        ? { balanceLoss: this.#balance.flat().reduce((sum, loss) => sum + loss, 0) }
        : {}),
      loads: this.#loads,
    };
  }

  /** One part, forth and back. */
  async run(part: MicroBatch): Promise<void> {
    const { policy: { model: { model, backend } }, options: { checkpoint, multiTokenWeight } } =
      this;
    const routed: Routed[] = [];
    this.#places.now = this.policy.parameters;
    using tape = new Tape(backend, this.#places, {
      checkpoint,
      ...(model.config.mixture
        ? { onRouting: (layer, scores, experts) => routed.push({ layer, scores, experts }) }
        : {}),
    });
    const hidden = model.forward(tape, part.ids, part.batch, null);
    const roots = new Map<Tensor, Tensor>();
    const logps = logpsOf(tape, hidden, part, model.head);
    if (logps) roots.set(logps, slopes(tape, part.targets.length, -1 / this.counts.tokens));
    const guess = multiTokenWeight ? guessRows(this.documents, part) : undefined;
    const guessed = guess && this.#guess(tape, hidden, guess);
    if (guess && guessed) {
      roots.set(
        guessed,
        slopes(tape, guess.targets.length, -(multiTokenWeight ?? 0) / this.counts.guesses),
      );
    }
    const batches = (layer: number) => layer < model.config.layers ? part.batch : guess?.batch;
    await this.#balanceExperts(tape, routed, batches, part);
    if (roots.size > 0) tape.backwardFrom(roots);
    await this.#keep(tape, logps, part.counts, this.#logps, part.sequences);
    if (guess) await this.#keep(tape, guessed, guess.counts, this.#guesses, part.sequences);
  }

  #guess(tape: Tape, hidden: Tensor, guess: GuessRows): Tensor | undefined {
    const { multiToken } = this.policy.model.model;
    if (!multiToken) return undefined;
    this.#places.now = this.policy.parameters.whileGuessing;
    const states = tape.selectRows(hidden, guess.states);
    const pass = { ops: tape, batch: guess.batch, cache: null };
    return logpsOf(tape, multiToken.forward(pass, states, guess.ids), guess, multiToken.head);
  }

  /** Counts where tokens went, and lets the balance loss go back through the routers. */
  async #balanceExperts(
    tape: Tape,
    routed: readonly Routed[],
    batchOf: (layer: number) => Batch | undefined,
    part: MicroBatch,
  ): Promise<void> {
    const { options: { balanceFactor = 0 }, policy: { model: { model } } } = this;
    const expertCount = model.config.mixture?.experts ?? 0;
    for (const { layer, scores, experts } of routed) {
      const choices = await experts;
      addLoads(this.#loads, layer, choices, expertCount);
      const batch = batchOf(layer);
      if (balanceFactor === 0 || !batch) continue;
      const rows = { scores: await scores, experts: choices, expertCount };
      const count = this.documents.length;
      const { losses, gradScores } = balanceLoss(rows, batch, balanceFactor, count);
      losses.forEach((loss, i) => (this.#balance[part.sequences[i]] ??= []).push(loss));
      tape.addScoreGradient(layer, tape.tensor(gradScores, [batch.rows, expertCount]));
    }
  }

  /** Takes the log-probabilities of a part, by document. */
  async #keep(
    tape: Tape,
    logps: Tensor | undefined,
    counts: readonly number[],
    into: Float32Array[],
    documents: readonly number[],
  ): Promise<void> {
    const all = logps ? await tape.read(logps) : new Float32Array();
    let start = 0;
    counts.forEach((count, i) => {
      const own = all.slice(start, start + count);
      if (!own.every(Number.isFinite)) throw notFinite(documents[i]);
      into.push(own);
      start += count;
    });
  }
}

/** Places that depend on what runs: the model, or its layer for multi-token prediction. */
class SwitchedPlaces implements GradientPlaces {
  constructor(public now: GradientPlaces) {}

  ofWeight(...use: Parameters<GradientPlaces["ofWeight"]>) {
    return this.now.ofWeight(...use);
  }

  ofVector(vector: Tensor) {
    return this.now.ofVector(vector);
  }
}

/** Log-probabilities of the rows that count. */
function logpsOf(
  tape: Tape,
  hidden: Tensor,
  { rows, targets, batch }: Pick<GuessRows, "rows" | "targets" | "batch">,
  head: Weight,
): Tensor | undefined {
  if (rows.length === 0) return undefined;
  const counted = rows.length === batch.rows ? hidden : tape.selectRows(hidden, rows);
  return tape.tokenLogprobs(counted, head, targets, 1);
}

function slopes(tape: Tape, count: number, slope: number): Tensor {
  return tape.tensor(new Float32Array(count).fill(slope), [count]);
}

function meanLoss(logps: readonly Float32Array[], count: number): number {
  let sum = 0;
  for (const own of logps) for (const logp of own) sum -= logp;
  return sum / count;
}

function checkDocuments(documents: readonly CountedSequence[], contextTokens: number): void {
  documents.forEach(({ ids: { length } }, i) => {
    if (length >= 2 && length <= contextTokens) return;
    throw new RangeError(
      `Document ${i} has ${length} tokens, 2 to ${contextTokens} of them fit the model's context`,
    );
  });
}

function notFinite(document: number): NotFiniteError {
  return new NotFiniteError(
    `The model computed a log-probability that is not finite in document ${document}: its weights have numbers that are not, or too large ones`,
  );
}
