/** The backward passes on wasm: checks shapes, finds addresses, calls the core. Holds no arithmetic and no state of its own. */
import type { Batch } from "../../../batch.ts";
import type { AdamW, BankGradients, DropoutKey, Gradient, GradOps } from "../../grad_ops.ts";
import type { Attention, LatentAttention, Rope, Routing, RoutingRule } from "../../../ops.ts";
import { elementCount, type ExpertBank, type Tensor, type Weight } from "../../../tensor.ts";
import type { CoreExports } from "../core.ts";
import { expectDone, expectSize } from "../ops.ts";
import { addressOf } from "../storage.ts";
import { attendGradient, latentAttendGradient } from "./attention.ts";
import type { GradMemory } from "./grad_memory.ts";
import { entropiesInChunks, logprobGradient } from "./logprobs.ts";
import { expertsGradient, routeGradient } from "./mixture.ts";
import { ParameterStore, placeOf, trainedAddress } from "./parameters.ts";
import { addWeightGradient, inputGradient } from "./products.ts";

/** `GradOps` over the exports of core-rs; results go into the arena of `ops`. */
export class WasmGradOps implements GradOps {
  readonly #at: GradMemory;
  readonly #core: CoreExports;
  readonly #parameters: ParameterStore;

  constructor(at: GradMemory) {
    this.#at = at;
    this.#core = at.core;
    this.#parameters = new ParameterStore(at.core, at.memory);
  }

  createGradient(of: Weight | Tensor): Gradient {
    return this.#parameters.createGradient(of);
  }

  zeroGradient(gradient: Gradient): void {
    this.#parameters.zero(gradient);
  }

  freeGradient(gradient: Gradient): void {
    this.#parameters.free(gradient);
  }

  readGradient(gradient: Gradient): Promise<Float32Array> {
    return Promise.resolve(this.#parameters.readGradient(gradient));
  }

  writeGradient(gradient: Gradient, values: Float32Array): void {
    this.#parameters.writeGradient(gradient, values);
  }

  addGradient(gradient: Gradient, into: Gradient): void {
    const [from, to] = [placeOf(gradient), placeOf(into)];
    expectSize("addGradient", from.count, to.count);
    expectDone("addGradient", this.#core.add_columns(from.address, to.address, 1, from.count));
  }

  linearInput(d: Tensor, weight: Weight): Tensor {
    return this.headLinearInput(d, weight, 1);
  }

  linearWeight(d: Tensor, x: Tensor, into: Gradient): void {
    this.headLinearWeight(d, x, 1, into);
  }

  bias(d: Tensor, into: Gradient): void {
    const [rows, cols] = d.shape;
    expectSize("bias: gradient", elementCount(into.shape), cols);
    const status = this.#core.add_columns(addressOf(d), placeOf(into).address, rows, cols);
    expectDone("bias", status);
  }

  headLinearInput(d: Tensor, weight: Weight, heads: number): Tensor {
    return inputGradient(this.#at, d, weight, heads);
  }

  headLinearWeight(d: Tensor, x: Tensor, heads: number, into: Gradient): void {
    addWeightGradient(this.#at, d, x, heads, into);
  }

  embed(d: Tensor, ids: Int32Array, into: Gradient): void {
    const [rows, cols] = into.shape;
    expectSize("backward of embed: rows", d.shape[0], ids.length);
    expectSize("backward of embed: columns", d.shape[1], cols);
    const { address } = placeOf(into);
    const at = this.#at.i32(ids);
    const status = this.#core.embed_gradient(addressOf(d), at, address, ids.length, cols, rows);
    expectDone("backward of embed", status);
  }

  rmsNorm(d: Tensor, x: Tensor, gain: Tensor, epsilon: number, into?: Gradient): Tensor {
    const size = elementCount(gain.shape);
    expectSize("backward of rmsNorm: d", elementCount(d.shape), elementCount(x.shape));
    expectSize("backward of rmsNorm: elements beyond whole runs of the gain", x.shape[1] % size, 0);
    const runs = elementCount(x.shape) / size;
    const [from, at] = [addressOf(d), addressOf(x)];
    const out = this.#at.f32(x.shape);
    // deno-fmt-ignore
    const status = this.#core.rms_norm_gradient(
      from, at, addressOf(gain), addressOf(out), runs, size, epsilon,
    );
    expectDone("backward of rmsNorm", status);
    if (into) {
      expectSize("backward of rmsNorm: gradient", elementCount(into.shape), size);
      const { address } = placeOf(into);
      const status = this.#core.rms_norm_gain_gradient(from, at, address, runs, size, epsilon);
      expectDone("backward of rmsNorm", status);
    }
    return out;
  }

  rope(d: Tensor, batch: Batch, rope: Rope): Tensor {
    const [rows, cols] = d.shape;
    expectSize("backward of rope: rows", rows, batch.rows);
    const out = this.#at.f32(d.shape);
    const { headSize, rotarySize, rotaryStart = 0 } = rope;
    const isInterleaved = rope.pairing === "interleaved" ? 1 : 0;
    // deno-fmt-ignore
    const status = this.#core.rope_gradient(
      addressOf(d), this.#at.tables.ropeTable(batch, rope), addressOf(out), rows,
      cols / headSize, headSize, rotarySize / 2, isInterleaved, rotaryStart,
    );
    expectDone("backward of rope", status);
    return out;
  }

  attend(d: Tensor, q: Tensor, k: Tensor, v: Tensor, batch: Batch, shape: Attention): {
    readonly q: Tensor;
    readonly k: Tensor;
    readonly v: Tensor;
  } {
    return attendGradient(this.#at, d, { q, k, v }, batch, shape);
  }

  latentAttend(d: Tensor, q: Tensor, latent: Tensor, batch: Batch, shape: LatentAttention): {
    readonly q: Tensor;
    readonly latent: Tensor;
  } {
    return latentAttendGradient(this.#at, d, { q, latent }, batch, shape);
  }

  swiglu(d: Tensor, gate: Tensor, up: Tensor): { readonly gate: Tensor; readonly up: Tensor } {
    const n = elementCount(gate.shape);
    expectSize("backward of swiglu", elementCount(up.shape), n);
    expectSize("backward of swiglu: d", elementCount(d.shape), n);
    const out = { gate: this.#at.f32(gate.shape), up: this.#at.f32(gate.shape) };
    // deno-fmt-ignore
    const status = this.#core.swiglu_gradient(
      addressOf(d), addressOf(gate), addressOf(up), addressOf(out.gate), addressOf(out.up), n,
    );
    expectDone("backward of swiglu", status);
    return out;
  }

  sumHeads(d: Tensor, heads: number): Tensor {
    const [rows, cols] = d.shape;
    expectSize("sumHeads: elements beyond whole heads", cols % heads, 0);
    const size = cols / heads;
    const out = this.#at.f32([rows, size]);
    expectDone("sumHeads", this.#core.sum_heads(addressOf(d), addressOf(out), rows, heads, size));
    return out;
  }

  route(
    d: Tensor,
    x: Tensor,
    gate: Weight,
    rule: RoutingRule,
    routing: Routing,
    into?: Gradient,
    scores?: Tensor,
  ): Tensor {
    return routeGradient(this.#at, { d, scores }, x, gate, rule, routing, into);
  }

  routeScores(x: Tensor, gate: Weight, scoring: RoutingRule["scoring"]): Tensor {
    const out = this.#at.f32([x.shape[0], gate.rows]);
    using _scoring = this.#at.ops.scope();
    const [at, to] = [addressOf(this.#at.ops.linear(x, gate)), addressOf(out)];
    const isSigmoid = Number(scoring === "sigmoid");
    const status = this.#core.route_scores(at, to, x.shape[0], gate.rows, isSigmoid);
    expectDone("routeScores", status);
    return out;
  }

  experts(d: Tensor, x: Tensor, routing: Routing, bank: ExpertBank, into: BankGradients): {
    readonly x: Tensor;
    readonly weights: Tensor;
  } {
    return expertsGradient(this.#at, d, x, routing, bank, into);
  }

  selectRows(d: Tensor, indices: ArrayLike<number>, rows: number): Tensor {
    const [n, cols] = d.shape;
    expectSize("backward of selectRows: rows", n, indices.length);
    const out = this.#at.f32([rows, cols]);
    const at = this.#at.i32(indices);
    const status = this.#core.scatter_rows(addressOf(d), at, addressOf(out), n, rows, cols);
    expectDone("backward of selectRows", status);
    return out;
  }

  tokenLogprobs(
    d: Tensor,
    x: Tensor,
    head: Weight,
    targets: Int32Array,
    temperature: number,
    into?: Gradient,
  ): Tensor {
    return logprobGradient(this.#at, d, x, head, { targets, temperature }, into);
  }

  entropies(x: Tensor, head: Weight, temperature: number): Tensor {
    return entropiesInChunks(this.#at, x, head, temperature);
  }

  scale(x: Tensor, factor: number): Tensor {
    const out = this.#at.f32(x.shape);
    const n = elementCount(x.shape);
    expectDone("scale", this.#core.scale(addressOf(x), factor, addressOf(out), n));
    return out;
  }

  dropout(x: Tensor, rate: number, { seed, stream, rows }: DropoutKey): Tensor {
    const [count, cols] = x.shape;
    expectSize("dropout: rows of the key", rows.length, count);
    const out = this.#at.f32(x.shape);
    const keys = this.#at.i32(rows);
    // deno-fmt-ignore
    const status = this.#core.dropout(
      addressOf(x), addressOf(out), keys, count, cols, rate, seed[0], seed[1], stream,
    );
    expectDone("dropout", status);
    return out;
  }

  squaredNorm(gradient: Gradient): number {
    const { address, count } = placeOf(gradient);
    return this.#core.squared_norm(address, count);
  }

  adamW(
    parameter: Weight | Tensor,
    gradient: Gradient,
    first: Gradient,
    second: Gradient,
    options: AdamW,
  ): void {
    const address = trainedAddress(parameter);
    const [own, ...moments] = [gradient, first, second].map(placeOf);
    for (const { count } of moments) expectSize("adamW: moments", count, own.count);
    const shape = "cols" in parameter ? [parameter.rows, parameter.cols] : parameter.shape;
    expectSize("adamW: gradient", elementCount(gradient.shape), elementCount(shape));
    const { learningRate, beta1, beta2, epsilon, weightDecay, step, gradientScale } = options;
    // deno-fmt-ignore
    const status = this.#core.adamw(
      address, own.address, moments[0].address, moments[1].address, own.count,
      learningRate, beta1, beta2, epsilon, weightDecay, step, gradientScale,
    );
    expectDone("adamW", status);
  }

  createWeight(
    name: string,
    rows: number,
    cols: number,
    values: Float32Array,
    matrices?: number,
  ): Weight {
    return this.#parameters.createWeight(name, rows, cols, values, matrices);
  }

  createVector(values: Float32Array): Tensor {
    return this.#parameters.createVector(values);
  }

  writeParameter(parameter: Weight | Tensor, values: Float32Array): void {
    this.#parameters.write(parameter, values);
  }

  readParameter(parameter: Weight | Tensor): Promise<Float32Array> {
    return Promise.resolve(this.#parameters.read(parameter));
  }
}
