/** Whole training steps of a model: forward on a tape, log-probabilities, backward, clipping, AdamW. Measures nothing. */
import { adaptedOps, type Adapters, loadAdapters } from "@aha/runtime/lora";
import { makeBatch, type TrainableBackend, type TrainableModel } from "@aha/runtime/training";
import {
  AdamWOptimizer,
  adapterParameters,
  fullParameters,
  newAdapters,
  type ParameterSet,
  Tape,
} from "../../packages/grpo/mod.ts";
import { openGguf } from "../../packages/runtime/src/gguf/mod.ts";
import { loadTrainable } from "../../packages/runtime/src/training/trainable_model.ts";
import { seededRandom } from "../../tests/support/seeded_random.ts";

const LEARNING_RATE = 1e-3;
const OPTIMIZER = { beta1: 0.9, beta2: 0.95, weightDecay: 0.1, maxGradientNorm: 1 };

/** What is trained on which tokens. */
export interface TrainingSizes {
  readonly sequences: number;
  readonly tokens: number;
  /** Sequences that pass together; the bits of a step do not depend on it. */
  readonly together: number;
  /** Adapters of this rank on all linears instead of the model's own weights. */
  readonly rank?: number;
}

/** A model that is trained on random tokens. Close it. */
export class TrainingRun {
  readonly #ids: number[][];

  private constructor(
    private readonly trainable: TrainableModel,
    private readonly sizes: TrainingSizes,
    private readonly set: ParameterSet,
    private readonly adapters: Adapters,
    private readonly optimizer: AdamWOptimizer,
  ) {
    const { sequences, tokens } = sizes;
    const random = seededRandom(5);
    const { vocabulary } = trainable.model.config;
    this.#ids = Array.from(
      { length: sequences },
      () => Array.from({ length: tokens }, () => random(vocabulary)),
    );
  }

  /** Opens a file; the backend belongs to the run from then on. */
  static async open(
    backend: TrainableBackend,
    file: Parameters<typeof openGguf>[0],
    sizes: TrainingSizes,
  ): Promise<TrainingRun> {
    const { gguf, source } = await openGguf(file);
    const trainable = await loadTrainable(backend, gguf, source, { name: "trained" });
    await source.close();
    const { model, parameters } = trainable;
    const { rank } = sizes;
    let adapters: Adapters = new Map();
    let set: ParameterSet;
    if (rank) {
      const random = seededRandom(7);
      const how = { rank, alpha: 2 * rank, targets: ["all-linear"] };
      const begun = newAdapters(model.config, how, () => random(1 << 20) / (1 << 20));
      adapters = await loadAdapters(backend, begun);
      set = adapterParameters(backend, adapters);
    } else {
      set = fullParameters(backend, model, parameters);
    }
    set.zero();
    const optimizer = new AdamWOptimizer(backend.grad, set, OPTIMIZER);
    return new TrainingRun(trainable, sizes, set, adapters, optimizer);
  }

  get tokens(): number {
    return this.sizes.sequences * this.sizes.tokens;
  }

  /** Bytes of the core's memory. */
  memoryBytes(): number {
    return this.trainable.backend.memoryBytes();
  }

  /** One step; gives the mean loss before it. */
  async step(): Promise<number> {
    const { together } = this.sizes;
    let loss = 0;
    for (let first = 0; first < this.#ids.length; first += together) {
      loss += await this.#pass(this.#ids.slice(first, first + together));
    }
    this.optimizer.step(LEARNING_RATE);
    return loss;
  }

  async close(): Promise<void> {
    this.optimizer.free();
    this.set.free();
    await this.trainable.close();
  }

  async #pass(sequences: readonly number[][]): Promise<number> {
    const { backend, model } = this.trainable;
    using tape = new Tape(backend, this.set);
    const inputs = sequences.map((ids) => ({ sequence: null, ids, firstPosition: 0 }));
    const { batch, ids } = makeBatch(inputs);
    const targets = Int32Array.from(sequences.flatMap(([first, ...rest]) => [...rest, first]));
    const hidden = model.forward(adaptedOps(tape, this.adapters), ids, batch, null);
    const logps = tape.tokenLogprobs(hidden, model.head, targets, 1);
    const d = new Float32Array(ids.length).fill(-1 / this.tokens);
    tape.backward(logps, tape.tensor(d, [ids.length]));
    const values = await tape.read(logps);
    return -values.reduce((sum, one) => sum + one, 0) / this.tokens;
  }
}
