/** Reverse-mode differentiation over a backend's ops: records a forward pass, walks back through it. Computes nothing itself. */
import {
  type Batch,
  type Drawn,
  type DropoutKey,
  elementCount,
  type ExpertBank,
  type GradOps,
  type KvCache,
  type LatentAttention,
  type Ops,
  type Rope,
  type Routing,
  type RoutingRule,
  type Scope,
  type Tensor,
  type TrainableBackend,
  type Weight,
  yieldToHost,
} from "@aha/runtime/training";
import type { Attention } from "@aha/runtime/training";
import type { GradientPlaces, Recorder, Step } from "./recorder.ts";
import { RULES } from "./rules.ts";
import { dropout, scale } from "./rules/elementwise.ts";

/** How a tape keeps what it records. */
export interface TapeOptions {
  /**
   * Whether parts of a model that `checkpoint` runs, its blocks, keep their result alone and run again on the way back
   * (Chen et al. 1604.06174): memory of one block for about a third more time. Same bits. Default false.
   */
  readonly checkpoint?: boolean;
  /**
   * Told of each mixture what its router did, once a pass: scores `[rows, E]`, the bias apart, and the experts `[rows, K]`
   * that were chosen. For losses that balance the load; `addScoreGradient` takes their gradients.
   */
  readonly onRouting?: (
    layer: number,
    scores: Promise<Float32Array>,
    experts: Promise<Int32Array>,
  ) => void;
}

/** What a part of a pass was made of. */
interface Part {
  readonly out: Tensor;
  readonly steps: readonly Step[];
}

/**
 * Ops that remember. A model's forward pass over it computes what it computes over the inner ops, to the bit; `backward`
 * then adds the gradients of its parameters to their places. Tensors made over a tape, gradients too, live until it is
 * disposed of; until then nobody else may use the backend.
 *
 * @example
 * ```ts
 * import type { LanguageModel, TrainableBackend } from "@aha/runtime/training";
 * import { type GradientPlaces, Tape } from "@aha/grpo";
 *
 * // Adds the gradients of the negative log-likelihood of one sequence.
 * function addGradients(backend: TrainableBackend, model: LanguageModel, places: GradientPlaces) {
 *   using tape = new Tape(backend, places);
 *   const segment = { sequence: null, start: 0, length: 3, firstPosition: 0 };
 *   const batch = { rows: 3, segments: [segment] };
 *   const hidden = model.forward(tape, Int32Array.of(5, 7, 9), batch, null);
 *   const logps = tape.tokenLogprobs(hidden, model.head, Int32Array.of(7, 9, 2), 1);
 *   tape.backward(logps, tape.tensor(new Float32Array(3).fill(-1 / 3), [3]));
 * }
 * ```
 */
export class Tape implements Ops {
  /** Itself, so that adapters go on a tape as on a backend. */
  readonly ops: Ops = this;
  /** What adapters need besides, recorded too. */
  readonly grad: Pick<GradOps, "scale" | "dropout">;
  readonly #recorder: Recorder;
  readonly #scope: Scope;
  readonly #drops: boolean;
  readonly #onRouting?: TapeOptions["onRouting"];
  readonly #scoreGradients = new Map<number, Tensor>();
  readonly #wanted = new WeakSet<Tensor>();
  #steps: Step[] = [];
  #isAgain = false;

  constructor(
    { ops: inner, grad }: Pick<TrainableBackend, "ops" | "grad">,
    places: GradientPlaces,
    options: TapeOptions = {},
  ) {
    this.#drops = options.checkpoint ?? false;
    this.#onRouting = options.onRouting;
    const recorder: Recorder = {
      inner,
      grad,
      places,
      wants: (tensor) => this.#wanted.has(tensor),
      note: (step) => this.#note(step),
      routed: (x, gate, rule, routing) => this.#routed(x, gate, rule, routing),
      scoreGradient: (layer) => this.#scoreGradients.get(layer),
    };
    this.#recorder = recorder;
    this.grad = {
      scale: (x, factor) => scale(recorder, x, factor),
      dropout: (x, rate: number, key: DropoutKey) => dropout(recorder, x, rate, key),
    };
    this.#scope = inner.scope();
  }

  /** Frees all tensors that were made over it. */
  [Symbol.dispose](): void {
    this.#steps = [];
    this.#scope[Symbol.dispose]();
  }

  /**
   * Adds to each parameter's place the gradient of a number of which `d` is the gradient by the tensor, of the same shape.
   * Several calls add up.
   * @throws {RangeError} if the shapes differ
   * @throws {TypeError} if no parameter that is trained has gone into the tensor
   */
  backward(tensor: Tensor, d: Tensor): void {
    this.backwardFrom(new Map([[tensor, d]]));
  }

  /** `backward` for a number that depends on several tensors, in one way back through what they share. */
  backwardFrom(gradients: ReadonlyMap<Tensor, Tensor>): void {
    this.#expectWanted(gradients);
    this.#walk(this.#steps, new Map(gradients));
  }

  /**
   * `backward` that lets the host have its turn between steps, with `checkpoint` between blocks: long ones can be ended.
   * @throws the signal's reason; gradients are incomplete then
   */
  async backwardInTurns(tensor: Tensor, d: Tensor, signal?: AbortSignal): Promise<void> {
    const gradients = new Map([[tensor, d]]);
    this.#expectWanted(gradients);
    for (const step of this.#steps.toReversed()) {
      await yieldToHost(signal);
      this.#stepBack(step, gradients);
    }
  }

  #expectWanted(gradients: ReadonlyMap<Tensor, Tensor>): void {
    for (const [tensor, d] of gradients) {
      if (`${tensor.shape}` !== `${d.shape}`) {
        throw new RangeError(
          `A gradient [${d.shape}] is no gradient by a tensor [${tensor.shape}]`,
        );
      }
      if (!this.#wanted.has(tensor)) {
        throw new TypeError("No parameter that is trained has gone into the tensor");
      }
    }
  }

  /**
   * Lets `backward` add to what goes back through a layer's router the gradient `[rows, E]` of a loss by its scores, which
   * is part of what `backward` is called for; call it before.
   */
  addScoreGradient(layer: number, d: Tensor): void {
    const before = this.#scoreGradients.get(layer);
    this.#scoreGradients.set(layer, before ? this.#recorder.inner.add(before, d) : d);
  }

  /** Keeps everything: tensors of a tape live as long as it does. */
  scope(): Scope {
    return { [Symbol.dispose]: () => {} };
  }

  checkpoint(run: () => Tensor): Tensor {
    if (!this.#drops) return run();
    const { inner } = this.#recorder;
    let inputs: readonly Tensor[] = [];
    let isWanted = false;
    const out = inner.checkpoint(() => {
      const part = this.#part(run);
      inputs = this.#inputsOf(part);
      isWanted = this.#wanted.has(part.out);
      return part.out;
    });
    if (!isWanted) return out;
    this.#wanted.add(out);
    this.#steps.push({
      inputs,
      outputs: [out],
      into: [],
      backward: ([d]) => this.#backThrough(run, inputs, d),
    });
    return out;
  }

  tensor(values: Float32Array, shape: readonly number[]): Tensor {
    return this.#recorder.inner.tensor(values, shape);
  }

  embed(ids: Int32Array, table: Weight): Tensor {
    return RULES.embed(this.#recorder, ids, table);
  }

  linear(x: Tensor, weight: Weight): Tensor {
    return RULES.linear(this.#recorder, x, weight);
  }

  linears<W extends readonly Weight[]>(x: Tensor, weights: W): { readonly [I in keyof W]: Tensor } {
    return RULES.linears(this.#recorder, x, weights) as { readonly [I in keyof W]: Tensor };
  }

  headLinear(x: Tensor, weight: Weight, heads: number): Tensor {
    return RULES.headLinear(this.#recorder, x, weight, heads);
  }

  splitHeads(x: Tensor, heads: number, sizes: readonly number[]): Tensor[] {
    return RULES.splitHeads(this.#recorder, x, heads, sizes);
  }

  joinHeads(parts: readonly Tensor[], heads: number, sizes: readonly number[]): Tensor {
    return RULES.joinHeads(this.#recorder, parts, heads, sizes);
  }

  rmsNorm(x: Tensor, gain: Tensor, epsilon: number): Tensor {
    return RULES.rmsNorm(this.#recorder, x, gain, epsilon);
  }

  rope(x: Tensor, batch: Batch, rope: Rope): Tensor {
    return RULES.rope(this.#recorder, x, batch, rope);
  }

  attend(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    batch: Batch,
    cache: KvCache | null,
    shape: Attention,
  ): Tensor {
    return RULES.attend(this.#recorder, q, k, v, batch, cache, shape);
  }

  latentAttend(
    q: Tensor,
    latent: Tensor,
    batch: Batch,
    cache: KvCache | null,
    shape: LatentAttention,
  ): Tensor {
    return RULES.latentAttend(this.#recorder, q, latent, batch, cache, shape);
  }

  swiglu(gate: Tensor, up: Tensor): Tensor {
    return RULES.swiglu(this.#recorder, gate, up);
  }

  route(x: Tensor, gate: Weight, rule: RoutingRule): Routing {
    return RULES.route(this.#recorder, x, gate, rule);
  }

  experts(x: Tensor, routing: Routing, bank: ExpertBank): Tensor {
    return RULES.experts(this.#recorder, x, routing, bank);
  }

  add(a: Tensor, b: Tensor): Tensor {
    return RULES.add(this.#recorder, a, b);
  }

  selectRows(x: Tensor, indices: ArrayLike<number>): Tensor {
    return RULES.selectRows(this.#recorder, x, indices);
  }

  tokenLogprobs(x: Tensor, head: Weight, targets: Int32Array, temperature: number): Tensor {
    return RULES.tokenLogprobs(this.#recorder, x, head, targets, temperature);
  }

  /** Refuses: what is drawn has no gradient. */
  sample(): Promise<Drawn> {
    return Promise.reject(new TypeError("A tape draws no tokens: sample with the ops below it"));
  }

  /** As `sample`. */
  drawRows(): Promise<Drawn> {
    return this.sample();
  }

  read(tensor: Tensor): Promise<Float32Array> {
    return this.#recorder.inner.read(tensor);
  }

  readInts(tensor: Tensor): Promise<Int32Array> {
    return this.#recorder.inner.readInts(tensor);
  }

  #note(step: Step): void {
    const isWanted = step.into.some((into) => into !== undefined) ||
      step.inputs.some((input) => this.#wanted.has(input));
    if (!isWanted) return;
    step.outputs.forEach((output) => this.#wanted.add(output));
    this.#steps.push(step);
  }

  #routed(x: Tensor, gate: Weight, { layer, scoring }: RoutingRule, { experts }: Routing): void {
    if (!this.#onRouting || this.#isAgain) return;
    const { inner, grad } = this.#recorder;
    const scores = inner.read(grad.routeScores(x, gate, scoring));
    this.#onRouting(layer, scores, inner.readInts(experts));
  }

  /** Runs a part of the pass with steps of its own. */
  #part(run: () => Tensor): Part {
    const outer = this.#steps;
    const steps: Step[] = [];
    this.#steps = steps;
    try {
      return { out: run(), steps };
    } finally {
      this.#steps = outer;
    }
  }

  /** The tensors from outside by which a part has gradients. */
  #inputsOf({ steps }: Part): readonly Tensor[] {
    const made = new Set(steps.flatMap(({ outputs }) => outputs));
    const used = new Set(steps.flatMap(({ inputs }) => inputs));
    const inputs = [...used].filter((input) => this.#wanted.has(input) && !made.has(input));
    if (inputs.length <= 1) return inputs;
    throw new RangeError(`A part to be run again takes ${inputs.length} tensors, not one`);
  }

  /** Runs a part once more and back; only the gradient by its input is kept. */
  #backThrough(run: () => Tensor, [input]: readonly Tensor[], d: Tensor): readonly Tensor[] {
    const { inner } = this.#recorder;
    const back = () => {
      this.#isAgain = true;
      const { out, steps } = this.#part(run);
      this.#isAgain = false;
      return this.#walk(steps, new Map([[out, d]]));
    };
    if (input) return [inner.checkpoint(() => back().get(input) ?? this.#zeros(input))];
    using _part = inner.scope();
    back();
    return [];
  }

  /** Takes gradients back through steps; `gradients` has those to begin with and gets those of all inputs. */
  #walk(steps: readonly Step[], gradients: Map<Tensor, Tensor>): ReadonlyMap<Tensor, Tensor> {
    for (const step of steps.toReversed()) this.#stepBack(step, gradients);
    return gradients;
  }

  #stepBack({ inputs, outputs, backward }: Step, gradients: Map<Tensor, Tensor>): void {
    if (!outputs.some((output) => gradients.has(output))) return;
    const { inner } = this.#recorder;
    const d = outputs.map((output) => gradients.get(output) ?? this.#zeros(output));
    backward(d).forEach((gradient, i) => {
      if (!gradient || !this.#wanted.has(inputs[i])) return;
      const before = gradients.get(inputs[i]);
      gradients.set(inputs[i], before ? inner.add(before, gradient) : gradient);
    });
  }

  #zeros({ shape }: Tensor): Tensor {
    return this.#recorder.inner.tensor(new Float32Array(elementCount(shape)), shape);
  }
}
