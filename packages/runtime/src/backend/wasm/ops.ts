/** The waist on wasm: checks shapes, finds addresses, calls the core. Holds no arithmetic and no state but the arena. */
import type { Batch } from "../../batch.ts";
import { UnsupportedError } from "../../errors.ts";
import { type KvCache, type KvShape, type KvType, pageBytes } from "../../kv_cache.ts";
import type {
  Attention,
  Draw,
  Drawn,
  LatentAttention,
  Ops,
  Rope,
  Routing,
  RoutingRule,
  RowDraws,
  Scope,
} from "../../ops.ts";
import { elementCount, type ExpertBank, type Tensor, type Weight } from "../../tensor.ts";
import { Arena, type ArenaMark } from "./arena.ts";
import type { CoreExports } from "./core.ts";
import type { WasmMemory } from "./memory.ts";
import { routeRows } from "./mixture/route_rows.ts";
import { checkExperts, runExperts, takesActivations } from "./mixture/run_experts.ts";
import { drawEachRow, KEY_WORDS, sampleRows } from "./sampling.ts";
import { Memo, StepTables } from "./step_tables.ts";
import { addressOf, packedOf, type WasmTensor, wasmTensor } from "./storage.ts";
import { TILE_ROWS } from "./weight_loader.ts";

/** Logits that `tokenLogprobs` holds at a time. */
const LOGPROB_CHUNK_BYTES = 16 << 20;
/** Bytes of a block of the arena of activations. */
export const ACTIVATION_BLOCK_BYTES = 4 << 20;
/** The core's address for a missing bias. */
const NO_BIAS = 0;
/** The core's numbers for formats of pages: ggml's type ids. */
const GGML_TYPES: Readonly<Record<KvType, number>> = { f32: 0, f16: 1, q8_0: 8 };

/** `Ops` over the exports of core-rs. */
export class WasmOps implements Ops {
  /** Int8 activations, by what they were made of. */
  readonly #quantized = new Memo<Tensor>();
  /** Activations; rewound at the end of each scope and checkpoint. */
  readonly #arena: Arena;
  readonly #tables: StepTables;
  #depth = 0;

  /** Arena and tables may be shared with the backward passes. */
  constructor(
    private readonly core: CoreExports,
    private readonly memory: WasmMemory,
    arena: Arena = new Arena(memory, ACTIVATION_BLOCK_BYTES),
    tables: StepTables = new StepTables(core, memory, arena),
  ) {
    this.#arena = arena;
    this.#tables = tables;
  }

  scope(): Scope {
    const mark = this.#arena.mark();
    this.#depth++;
    return {
      [Symbol.dispose]: () => {
        this.#rewind(mark);
        if (--this.#depth === 0) this.#tables.forget();
      },
    };
  }

  checkpoint(run: () => Tensor): Tensor {
    const mark = this.#arena.mark();
    const result = run();
    this.#rewind(mark);
    const kept = this.#f32(result.shape);
    this.memory.copy(addressOf(result), addressOf(kept), 4 * elementCount(result.shape));
    return kept;
  }

  tensor(values: Float32Array, shape: readonly number[]): Tensor {
    const out = this.#f32(shape);
    if (elementCount(shape) !== values.length) {
      throw new RangeError(`Shape [${shape}] does not hold ${values.length} values`);
    }
    this.memory.f32(addressOf(out), values.length).set(values);
    return out;
  }

  embed(ids: Int32Array, table: Weight): Tensor {
    const out = this.#f32([ids.length, table.cols]);
    const { address, typeId } = packedOf(table);
    const at = this.#i32(ids);
    this.#check(
      "embed",
      this.core.embed(typeId, at, address, addressOf(out), ids.length, table.cols, table.rows),
    );
    return out;
  }

  linear(x: Tensor, weight: Weight): Tensor {
    return this.linears(x, [weight])[0];
  }

  linears<W extends readonly Weight[]>(x: Tensor, weights: W): { readonly [I in keyof W]: Tensor } {
    const [rows, cols] = x.shape;
    let needsActivations = false;
    const list: number[] = [];
    const outs = weights.map((weight) => {
      expectSize(`linear with ${weight.name}: columns`, cols, weight.cols);
      const out = this.#f32([rows, weight.rows]);
      const { address, typeId, quantized } = packedOf(weight);
      needsActivations ||= quantized;
      const bias = weight.bias ? addressOf(weight.bias) : NO_BIAS;
      list.push(typeId, address, bias, addressOf(out), weight.rows);
      return out;
    });
    const activations = needsActivations ? this.#quantize(x) : 0;
    const at = this.#i32(list);
    this.#check(
      "linear",
      this.core.linear(at, weights.length, addressOf(x), activations, rows, cols),
    );
    return outs as { [I in keyof W]: Tensor };
  }

  headLinear(x: Tensor, weight: Weight, heads: number): Tensor {
    const { name, cols, bias } = weight;
    const outputs = weight.rows / heads;
    expectSize(`headLinear with ${name}: columns`, x.shape[1], heads * cols);
    const { address, typeId, quantized, parts } = packedOf(weight);
    if (!Number.isInteger(outputs) || (outputs % TILE_ROWS !== 0 && parts !== heads)) {
      throw new UnsupportedError(
        `${heads} heads of ${name} [${weight.rows}, ${cols}] do not begin at multiples of ${TILE_ROWS} rows`,
        "head-rows",
      );
    }
    const [rows] = x.shape;
    const out = this.#f32([rows, weight.rows]);
    // deno-fmt-ignore
    const status = this.core.head_linear(
      typeId, addressOf(x), quantized ? this.#quantize(x) : 0, address,
      bias ? addressOf(bias) : NO_BIAS, addressOf(out), rows, heads, cols, outputs,
    );
    this.#check("headLinear", status);
    return out;
  }

  splitHeads(x: Tensor, heads: number, sizes: readonly number[]): Tensor[] {
    const [rows, cols] = x.shape;
    expectSize("splitHeads", cols, heads * sum(sizes));
    const parts = sizes.map((size) => this.#f32([rows, heads * size]));
    const list = this.#i32(parts.flatMap((part, i) => [addressOf(part), sizes[i], heads]));
    this.#check(
      "splitHeads",
      this.core.split_heads(addressOf(x), list, parts.length, rows, heads),
    );
    return parts;
  }

  joinHeads(parts: readonly Tensor[], heads: number, sizes: readonly number[]): Tensor {
    const [rows] = parts[0].shape;
    const list = parts.flatMap((part, i) => {
      const own = part.shape[1] === sizes[i] ? 1 : heads;
      expectSize(`joinHeads: part ${i}`, elementCount(part.shape), rows * own * sizes[i]);
      return [addressOf(part), sizes[i], own];
    });
    const out = this.#f32([rows, heads * sum(sizes)]);
    this.#check(
      "joinHeads",
      this.core.join_heads(this.#i32(list), parts.length, addressOf(out), rows, heads),
    );
    return out;
  }

  rmsNorm(x: Tensor, gain: Tensor, epsilon: number): Tensor {
    const size = elementCount(gain.shape);
    expectSize("rmsNorm: elements beyond whole runs of the gain", x.shape[1] % size, 0);
    const out = this.#f32(x.shape);
    const runs = elementCount(x.shape) / size;
    // deno-fmt-ignore
    const status = this.core.rms_norm(
      addressOf(x), addressOf(gain), addressOf(out), runs, size, epsilon,
    );
    this.#check("rmsNorm", status);
    return out;
  }

  rope(x: Tensor, batch: Batch, rope: Rope): Tensor {
    const [rows, cols] = x.shape;
    expectSize("rope: rows", rows, batch.rows);
    const out = this.#f32(x.shape);
    const { headSize, rotarySize, rotaryStart = 0 } = rope;
    const isInterleaved = rope.pairing === "interleaved" ? 1 : 0;
    // deno-fmt-ignore
    const status = this.core.rope(
      addressOf(x), this.#tables.ropeTable(batch, rope), addressOf(out), rows,
      cols / headSize, headSize, rotarySize / 2, isInterleaved, rotaryStart,
    );
    this.#check("rope", status);
    return out;
  }

  attend(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    batch: Batch,
    cache: KvCache | null,
    shape: Attention,
  ): Tensor {
    const { layer, heads, kvHeads, keySize, valueSize } = shape;
    expectSize("attend: q", q.shape[1], heads * keySize);
    expectSize("attend: k", k.shape[1], kvHeads * keySize);
    expectSize("attend: v", v.shape[1], kvHeads * valueSize);
    const own: KvShape = { layers: 1, kvHeads, keySize, valueSize, type: "f32" };
    const out = this.#f32([batch.rows, heads * valueSize]);
    const mark = this.#arena.mark();
    const { tables, layerOffset, pageType } = this.#pages(batch, cache, own, layer);
    // deno-fmt-ignore
    const status = this.core.attend(
      addressOf(q), addressOf(k), addressOf(v), addressOf(out),
      this.#tables.positions(batch), tables, batch.rows, heads, kvHeads,
      keySize, valueSize, shape.scale, layerOffset, pageType,
    );
    this.#arena.rewind(mark);
    this.#check("attend", status);
    return out;
  }

  latentAttend(
    q: Tensor,
    latent: Tensor,
    batch: Batch,
    cache: KvCache | null,
    shape: LatentAttention,
  ): Tensor {
    const { layer, heads, rank, rotarySize, scale } = shape;
    const keySize = rank + rotarySize;
    expectSize("latentAttend: q", q.shape[1], heads * keySize);
    expectSize("latentAttend: latent", latent.shape[1], keySize);
    const own: KvShape = { layers: 1, kvHeads: 1, keySize, valueSize: 0, type: "f32" };
    const out = this.#f32([batch.rows, heads * rank]);
    const mark = this.#arena.mark();
    const { tables, layerOffset, pageType } = this.#pages(batch, cache, own, layer);
    // deno-fmt-ignore
    const status = this.core.latent_attend(
      addressOf(q), addressOf(latent), addressOf(out),
      this.#tables.positions(batch), tables, batch.rows, heads,
      rank, rotarySize, scale, layerOffset, pageType,
    );
    this.#arena.rewind(mark);
    this.#check("latentAttend", status);
    return out;
  }

  swiglu(gate: Tensor, up: Tensor): Tensor {
    expectSize("swiglu", elementCount(gate.shape), elementCount(up.shape));
    const out = this.#f32(gate.shape);
    const n = elementCount(gate.shape);
    this.#check("swiglu", this.core.swiglu(addressOf(gate), addressOf(up), addressOf(out), n));
    return out;
  }

  route(x: Tensor, gate: Weight, rule: RoutingRule): Routing {
    return routeRows(this.core, this.memory, this.#arena, this.linear(x, gate), rule);
  }

  experts(x: Tensor, routing: Routing, bank: ExpertBank): Tensor {
    checkExperts(x, routing, bank);
    const out = this.#f32(x.shape);
    const activations = takesActivations(bank) ? this.#quantize(x) : 0;
    const mark = this.#arena.mark();
    const rows = { x, activations, out };
    const status = runExperts(this.core, this.memory, this.#arena, rows, routing, bank);
    this.#arena.rewind(mark);
    this.#check("experts", status);
    return out;
  }

  add(a: Tensor, b: Tensor): Tensor {
    expectSize("add", elementCount(a.shape), elementCount(b.shape));
    const out = this.#f32(a.shape);
    const n = elementCount(a.shape);
    this.#check("add", this.core.add(addressOf(a), addressOf(b), addressOf(out), n));
    return out;
  }

  selectRows(x: Tensor, indices: ArrayLike<number>): Tensor {
    const [rows, cols] = x.shape;
    const n = indices.length;
    const out = this.#f32([n, cols]);
    const at = this.#i32(indices);
    const status = this.core.select_rows(addressOf(x), rows, at, addressOf(out), n, cols);
    this.#check("selectRows", status);
    return out;
  }

  tokenLogprobs(x: Tensor, head: Weight, targets: Int32Array, temperature: number): Tensor {
    const [rows, cols] = x.shape;
    expectSize("tokenLogprobs: targets", targets.length, rows);
    const out = this.#f32([rows]);
    const chunk = Math.max(1, Math.floor(LOGPROB_CHUNK_BYTES / (4 * head.rows)));
    for (let start = 0; start < rows; start += chunk) {
      const n = Math.min(chunk, rows - start);
      using _chunk = this.scope();
      const part = wasmTensor("f32", [n, cols], addressOf(x) + 4 * start * cols);
      const logits = this.linear(part, head);
      const status = this.core.token_logprobs(
        addressOf(logits),
        this.#i32(targets.subarray(start, start + n)),
        addressOf(out) + 4 * start,
        n,
        head.rows,
        temperature,
      );
      this.#check("tokenLogprobs", status);
    }
    return out;
  }

  sample(logits: Tensor, draws: readonly Draw[]): Promise<Drawn> {
    expectSize("sample: draws", draws.length, logits.shape[0]);
    using _sampling = this.scope();
    return Promise.resolve(sampleRows(this.core, this.memory, this.#arena, logits, draws));
  }

  drawRows(logits: Tensor, draws: RowDraws): Promise<Drawn> {
    expectSize("drawRows: keys", draws.keys.length, KEY_WORDS * logits.shape[0]);
    using _sampling = this.scope();
    return Promise.resolve(drawEachRow(this.core, this.memory, this.#arena, logits, draws));
  }

  read(tensor: Tensor): Promise<Float32Array> {
    return Promise.resolve(
      this.memory.f32(addressOf(tensor), elementCount(tensor.shape)).slice(),
    );
  }

  readInts(tensor: Tensor): Promise<Int32Array> {
    return Promise.resolve(
      this.memory.i32(addressOf(tensor), elementCount(tensor.shape)).slice(),
    );
  }

  #f32(shape: readonly number[]): WasmTensor {
    return wasmTensor("f32", shape, this.#arena.allocate(4 * elementCount(shape)));
  }

  #rewind(mark: ArenaMark): void {
    this.#arena.rewind(mark);
    this.#quantized.clear();
  }

  #i32(values: ArrayLike<number>): number {
    const address = this.#arena.allocate(4 * values.length);
    this.memory.writeI32(address, values);
    return address;
  }

  #quantize(x: Tensor): number {
    return this.#quantized.get(x, () => {
      const [rows, cols] = x.shape;
      const address = this.#arena.allocate(this.core.activation_bytes(rows, cols));
      this.#check("quantize", this.core.quantize_rows(addressOf(x), address, rows, cols));
      return address;
    });
  }

  /** Where attention of a layer finds its pages, and how they are stored. */
  #pages(batch: Batch, cache: KvCache | null, own: KvShape, layer: number) {
    return {
      tables: this.#tables.pageTables(batch, cache, own),
      layerOffset: cache ? layer * (pageBytes(cache.shape) / cache.shape.layers) : 0,
      pageType: GGML_TYPES[cache?.shape.type ?? "f32"],
    };
  }

  #check(op: string, status: number): void {
    expectDone(op, status);
  }
}

/** @throws {RangeError} where the core refused an op */
export function expectDone(op: string, status: number): void {
  if (status !== 0) throw new RangeError(`The core refused ${op}: status ${status}`);
}

/** @throws {RangeError} where sizes do not fit */
export function expectSize(what: string, got: number, wanted: number): void {
  if (got !== wanted) throw new RangeError(`${what}: ${got} elements, expected ${wanted}`);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, n) => total + n, 0);
}
