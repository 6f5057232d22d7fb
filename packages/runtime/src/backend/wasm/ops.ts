/** The waist on wasm: checks shapes, finds addresses, calls the core. Holds no arithmetic and no state but the arena. */
import type { Batch, Segment } from "../../batch.ts";
import { type KvCache, type KvShape, type KvType, PAGE_TOKENS, pageBytes } from "../../kv_cache.ts";
import type { Attention, Draw, Drawn, Ops, Rope, Routing, RoutingRule, Scope } from "../../ops.ts";
import { elementCount, type ExpertBank, type Tensor, type Weight } from "../../tensor.ts";
import { Arena, ARENA_START, type ArenaMark } from "./arena.ts";
import type { CoreExports } from "./core.ts";
import type { WasmMemory } from "./memory.ts";
import { routeRows } from "./mixture/route_rows.ts";
import { checkExperts, runExperts, takesActivations } from "./mixture/run_experts.ts";
import { sampleRows } from "./sampling.ts";
import { pagesFor, rowPositions, StepMemo } from "./step_memo.ts";
import { addressOf, packedOf, type WasmTensor, wasmTensor } from "./storage.ts";

/** Logits that `tokenLogprobs` holds at a time. */
const LOGPROB_CHUNK_BYTES = 16 << 20;
const ACTIVATION_BLOCK_BYTES = 4 << 20;
/** The core's address for a missing bias. */
const NO_BIAS = 0;
const STEP_BLOCK_BYTES = 256 << 10;
/** The core's numbers for formats of pages: ggml's type ids. */
const GGML_TYPES: Readonly<Record<KvType, number>> = { f32: 0, f16: 1, q8_0: 8 };

/** `Ops` over the exports of core-rs. */
export class WasmOps implements Ops {
  readonly #memo = new StepMemo();
  /** Activations; rewound at the end of each scope and checkpoint. */
  readonly #arena: Arena;
  /** What is derived from batches; rewound when the outermost scope closes. */
  readonly #stepArena: Arena;
  #depth = 0;

  constructor(private readonly core: CoreExports, private readonly memory: WasmMemory) {
    this.#arena = new Arena(memory, ACTIVATION_BLOCK_BYTES);
    this.#stepArena = new Arena(memory, STEP_BLOCK_BYTES);
  }

  scope(): Scope {
    const mark = this.#arena.mark();
    this.#depth++;
    return {
      [Symbol.dispose]: () => {
        this.#rewind(mark);
        if (--this.#depth > 0) return;
        this.#memo.forgetBatches();
        this.#stepArena.rewind(ARENA_START);
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

  rmsNorm(x: Tensor, gain: Tensor, epsilon: number): Tensor {
    const size = elementCount(gain.shape);
    expectSize("rmsNorm: elements beyond whole runs of the gain", x.shape[1] % size, 0);
    const out = this.#f32(x.shape);
    const status = this.core.rms_norm(
      ...[addressOf(x), addressOf(gain), addressOf(out)] as const,
      ...[elementCount(x.shape) / size, size, epsilon] as const,
    );
    this.#check("rmsNorm", status);
    return out;
  }

  rope(x: Tensor, batch: Batch, rope: Rope): Tensor {
    const [rows, cols] = x.shape;
    expectSize("rope: rows", rows, batch.rows);
    const out = this.#f32(x.shape);
    const half = rope.rotarySize / 2;
    const table = this.#memo.ropeTable(batch, rope, () => this.#ropeTable(batch, rope));
    const status = this.core.rope(
      addressOf(x),
      table,
      addressOf(out),
      rows,
      cols / rope.headSize,
      rope.headSize,
      half,
      rope.pairing === "interleaved" ? 1 : 0,
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
    const { layer, heads, kvHeads, headSize } = shape;
    expectSize("attend: q", q.shape[1], heads * headSize);
    expectSize("attend: k", k.shape[1], kvHeads * headSize);
    const out = this.#f32([batch.rows, heads * headSize]);
    const own: KvShape = {
      layers: 1,
      kvHeads,
      keySize: headSize,
      valueSize: headSize,
      type: "f32",
    };
    const tables = cache
      ? this.#memo.cachedTables.get(batch, () => this.#cachedTables(batch))
      : this.#ownTables(batch, own);
    const layerOffset = cache ? layer * (pageBytes(cache.shape) / cache.shape.layers) : 0;
    const pageType = GGML_TYPES[cache?.shape.type ?? "f32"];
    const status = this.core.attend(
      ...[addressOf(q), addressOf(k), addressOf(v), addressOf(out)] as const,
      ...[this.#positions(batch), tables, batch.rows, heads, kvHeads] as const,
      ...[headSize, headSize, shape.scale, layerOffset, pageType] as const,
    );
    this.#check("attend", status);
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
    this.#memo.forgetActivations();
  }

  #i32(values: ArrayLike<number>, arena: Arena = this.#arena): number {
    const address = arena.allocate(4 * values.length);
    this.memory.i32(address, values.length).set(values);
    return address;
  }

  #quantize(x: Tensor): number {
    return this.#memo.activations.get(x, () => {
      const [rows, cols] = x.shape;
      const address = this.#arena.allocate(this.core.activation_bytes(rows, cols));
      this.#check("quantize", this.core.quantize_rows(addressOf(x), address, rows, cols));
      return address;
    });
  }

  #positions(batch: Batch): number {
    return this.#memo.positions.get(batch, () => this.#i32(rowPositions(batch), this.#stepArena));
  }

  #ropeTable(batch: Batch, rope: Rope): number {
    const half = rope.rotarySize / 2;
    const table = this.#stepArena.allocate(8 * batch.rows * half);
    const factors = rope.frequencyFactors ? addressOf(rope.frequencyFactors) : 0;
    const positions = this.#positions(batch);
    const status = this.core.rope_table(positions, factors, table, batch.rows, half, rope.base);
    this.#check("ropeTable", status);
    return table;
  }

  /** For each row the address of its sequence's list of pages. */
  #cachedTables(batch: Batch): number {
    return this.#tables(batch, this.#stepArena, ({ sequence, firstPosition, length }) => {
      if (!sequence) throw new TypeError("A segment without a sequence cannot use the cache");
      const pages = pagesFor(firstPosition + length);
      if (sequence.pages.length < pages) {
        throw new RangeError(
          `The sequence has ${sequence.pages.length} pages of ${PAGE_TOKENS} tokens, ${pages} are needed: extend it first`,
        );
      }
      return sequence.pages.slice(0, pages);
    });
  }

  /** Pages in the arena for segments that bring all their keys along. */
  #ownTables(batch: Batch, shape: KvShape): number {
    const bytes = pageBytes(shape);
    return this.#tables(batch, this.#arena, ({ firstPosition, length }) => {
      if (firstPosition !== 0) throw new RangeError("A segment without a cache starts at 0");
      return Array.from({ length: pagesFor(length) }, () => this.#arena.allocate(bytes));
    });
  }

  #tables(batch: Batch, arena: Arena, pagesOf: (segment: Segment) => number[]): number {
    const rows = new Int32Array(batch.rows);
    for (const segment of batch.segments) {
      const list = this.#i32(pagesOf(segment), arena);
      rows.fill(list, segment.start, segment.start + segment.length);
    }
    return this.#i32(rows, arena);
  }

  #check(op: string, status: number): void {
    if (status !== 0) throw new RangeError(`The core refused ${op}: status ${status}`);
  }
}

function expectSize(what: string, got: number, wanted: number): void {
  if (got !== wanted) throw new RangeError(`${what}: ${got} elements, expected ${wanted}`);
}
