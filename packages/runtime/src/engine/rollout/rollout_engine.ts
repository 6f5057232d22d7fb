/** Groups of completions by a plain loop: steps of all that run, others start as these end. For users' answers see the
 * scheduler, which this has nothing to do with. */
import { MemoryError, ModelError } from "../../errors.ts";
import { type KvCache, pageBytes } from "../../kv_cache.ts";
import type { LanguageModel } from "../../model/language_model.ts";
import { type Backend, NONE_LEFT, NOT_FINITE, type Ops } from "../../ops.ts";
import { yieldToHost } from "../../yield_to_host.ts";
import { PromptStems } from "./prompt_stems.ts";
import { type RolloutRoom, type RolloutSizes, roomFor } from "./rollout_pages.ts";
import { checkRequest, type Rollout, type RolloutRequest } from "./rollout_request.ts";
import { type RolloutDraw, step } from "./rollout_step.ts";
import { RunningRollout } from "./running_rollout.ts";

/** Rows of prompts that a step feeds besides the completions' own. */
const PROMPT_ROWS = 256;

/**
 * Draws groups of completions with a model and keeps the pages of its keys and values (f32) from call to call. Tokens and
 * log-probabilities of a completion do not depend on the others, on how many run at once, nor on threads.
 */
export class RolloutEngine {
  readonly #cache: KvCache;
  #isBusy = false;

  /** @param ops the backend's, or such with adapters over it (`adaptedOps`) */
  constructor(
    private readonly model: LanguageModel,
    backend: Pick<Backend, "createCache">,
    private readonly ops: Ops,
  ) {
    this.#cache = backend.createCache(model.kvShape("f32"));
  }

  /** Bytes of keys and values that a request takes at most. */
  bytesFor(request: RolloutSizes): number {
    const { shape } = this.#cache;
    return roomFor(request, shape).pages * pageBytes(shape);
  }

  /**
   * Completions `[P * G]`, a group's one after the other.
   *
   * @throws {RangeError} if the request is out of range, or its banned ids leave no token
   * @throws {MemoryError} if its keys and values find no room; before anything is drawn
   * @throws {ModelError} where a logit is not finite, naming prompt, completion and position
   * @throws the signal's reason when it is aborted
   */
  async rollOut(request: RolloutRequest): Promise<Rollout[]> {
    if (this.#isBusy) throw new TypeError("The engine runs rollouts already: await them first");
    checkRequest(request, this.model.config);
    this.#isBusy = true;
    try {
      const room = roomFor(request, this.#cache.shape);
      this.#reserve(room);
      return await this.#run(request, room.sequences);
    } finally {
      this.#cache.clear();
      this.#isBusy = false;
    }
  }

  /**
   * Takes the memory of keys and values that a request will need, and keeps it for the calls to come.
   * @throws {MemoryError} if they find no room
   */
  reserve(request: RolloutSizes): void {
    this.#reserve(roomFor(request, this.#cache.shape));
  }

  /** Gives the memory of keys and values back; the next call takes it again. */
  trim(): void {
    this.#cache.trim();
  }

  #reserve({ pages, sequences }: RolloutRoom): void {
    try {
      this.#cache.reserve(pages);
    } catch (error) {
      this.trim();
      if (!(error instanceof MemoryError)) throw error;
      const bytes = pages * pageBytes(this.#cache.shape);
      throw new MemoryError(
        `${sequences} rollouts at once need ${bytes} bytes for keys and values, which do not fit: ` +
          "take fewer by mostSequences, or fewer maxTokens",
        bytes,
        error.limitBytes,
      );
    }
  }

  async #run(request: RolloutRequest, most: number): Promise<Rollout[]> {
    const cache = this.#cache;
    const { signal, onProgress } = request;
    const groups = new Groups(request, cache);
    const context = { model: this.model, ops: this.ops, cache, draw: drawOf(request, this.model) };
    const rollouts: Rollout[] = [];
    let running: RunningRollout[] = [];
    let [tokens, ended] = [0, 0];
    while (ended < groups.size) {
      await yieldToHost(signal);
      running.push(...groups.start(most - running.length));
      await step(context, running, groups.stems.takeParts(PROMPT_ROWS));
      tokens += running.length;
      for (const one of running) expectToken(one);
      for (const one of running.filter(({ hasEnded }) => hasEnded)) {
        const { prompt, index, sequence } = one.place;
        rollouts[prompt * request.group + index] = one.rollout;
        cache.free(sequence);
        ended++;
      }
      running = running.filter(({ hasEnded }) => !hasEnded);
      onProgress?.(tokens, ended);
    }
    return rollouts;
  }
}

/**
 * `RolloutEngine.rollOut` with an engine of its own, whose memory is given back.
 *
 * @example
 * ```ts
 * import { openTrainable, rollOut } from "@aha/runtime/training";
 * const { model, backend, close } = await openTrainable(
 *   "tests/fixtures/models/llama_untied/gguf/model-F32.gguf",
 * );
 * const rollouts = await rollOut(model, backend, backend.ops, {
 *   prompts: [[1, 5, 9], [1, 7]],
 *   group: 4,
 *   maxTokens: 8,
 *   temperature: 1,
 *   endIds: [2],
 *   draw: (prompt, index) => ({ seed: [42, prompt], choice: index }),
 * });
 * console.log(rollouts.length, rollouts[0].ids, rollouts[0].logps); // 8, ...
 * await close();
 * ```
 */
export async function rollOut(
  model: LanguageModel,
  backend: Pick<Backend, "createCache">,
  ops: Ops,
  request: RolloutRequest,
): Promise<Rollout[]> {
  const engine = new RolloutEngine(model, backend, ops);
  try {
    return await engine.rollOut(request);
  } finally {
    engine.trim();
  }
}

/** The completions of a request, in order. */
class Groups {
  readonly size: number;
  readonly stems: PromptStems;
  readonly #endIds: ReadonlySet<number>;
  #next = 0;

  constructor(private readonly request: RolloutRequest, cache: KvCache) {
    this.size = request.prompts.length * request.group;
    this.stems = new PromptStems(cache, request.prompts);
    this.#endIds = new Set(request.endIds);
  }

  /** Starts up to `most` completions whose prompts are fed, and has those of the others fed. */
  start(most: number): RunningRollout[] {
    const { prompts, group, maxTokens, draw, force } = this.request;
    const started: RunningRollout[] = [];
    const end = Math.min(this.size, this.#next + most);
    for (let at = this.#next; at < end; at++) {
      const [prompt, index] = [Math.floor(at / group), at % group];
      this.stems.want(prompt);
      const sequence = at === this.#next ? this.stems.fork(prompt) : undefined;
      if (!sequence) continue;
      this.#next++;
      if (index === group - 1) this.stems.drop(prompt);
      const lastOfPrompt = prompts[prompt][prompts[prompt].length - 1];
      const place = { prompt, index, seed: draw(prompt, index), sequence, lastOfPrompt };
      started.push(new RunningRollout(place, maxTokens, this.#endIds, force));
    }
    return started;
  }
}

/** How all are drawn; banned ids are left out of the mask. */
function drawOf(request: RolloutRequest, { config: { vocabulary } }: LanguageModel): RolloutDraw {
  const { temperature, topK = 0, topP = 1, minP = 0, bannedIds = [] } = request;
  const shape = { temperature, topK, topP, minP };
  const banned = [...bannedIds];
  if (banned.length === 0) return shape;
  const allowed = new Uint32Array(Math.ceil(vocabulary / 32)).fill(2 ** 32 - 1);
  for (const id of banned) allowed[id >> 5] &= ~(1 << (id & 31));
  return { ...shape, allowed };
}

/** @throws {ModelError | RangeError} where the newest token stands for none */
function expectToken({ newest, length, place: { prompt, index } }: RunningRollout): void {
  if (newest >= 0) return;
  const where = `Completion ${index} of prompt ${prompt} has no token at position ${length - 1}`;
  if (newest === NONE_LEFT) {
    throw new RangeError(`${where}: bannedIds leave none that could be drawn`);
  }
  if (newest === NOT_FINITE) {
    throw new ModelError(`${where}: a logit is not finite, the weights may have diverged`);
  }
}
