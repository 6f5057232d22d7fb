/** The waist on WebGPU: checks shapes, chooses kernels, enqueues. Waits for nothing but in `read`. What no test needs is not here. */
import type { Batch } from "../../packages/runtime/src/batch.ts";
import { UnsupportedError } from "../../packages/runtime/src/errors.ts";
import type { KvCache } from "../../packages/runtime/src/kv_cache.ts";
import type {
  Attention,
  Drawn,
  Ops,
  Rope,
  Routing,
  Scope,
} from "../../packages/runtime/src/ops.ts";
import { elementCount, type Tensor, type Weight } from "../../packages/runtime/src/tensor.ts";
import { attentionKernel, pageFloats, storeKernel } from "./attention_kernels.ts";
import { BufferArena } from "./buffer_arena.ts";
import type { GpuDevice, GpuSlice } from "./device.ts";
import type { GpuPages } from "./gpu_pages.ts";
import { ADD_KERNEL, LANES, normKernel, ropeKernel, SWIGLU_KERNEL } from "./layer_kernels.ts";
import { cachedPagesOf, ownPages, placesOf, ropeTurns } from "./step_tables.ts";
import { type GpuTensor, gpuTensor, sliceOf, weightSliceOf } from "./storage.ts";
import { WEIGHT_FORMATS } from "./weight_formats.ts";
import { embedKernel, LINEAR_OUTPUTS, LINEAR_ROWS, linearKernel } from "./weight_kernels.ts";

/** `Ops` of WGSL kernels. */
export class WebGpuOps implements Ops {
  /** Activations; rewound at the end of each scope and checkpoint. */
  readonly #arena: BufferArena;
  /** What is derived from batches; rewound when the outermost scope closes. */
  readonly #stepArena: BufferArena;
  readonly #derived = new Map<Batch, Map<unknown, GpuSlice>>();
  #depth = 0;

  constructor(
    private readonly device: GpuDevice,
    private readonly pagesOf: (cache: KvCache) => GpuPages,
  ) {
    this.#arena = new BufferArena(device);
    this.#stepArena = new BufferArena(device);
  }

  scope(): Scope {
    const mark = this.#arena.mark();
    this.#depth++;
    return {
      [Symbol.dispose]: () => {
        this.#arena.rewind(mark);
        if (--this.#depth > 0) return;
        this.#derived.clear();
        this.#stepArena.rewind(0);
      },
    };
  }

  checkpoint(run: () => Tensor): Tensor {
    const mark = this.#arena.mark();
    const result = run();
    this.#arena.rewind(mark, sliceOf(result).buffer);
    return result;
  }

  tensor(values: Float32Array, shape: readonly number[]): Tensor {
    expectSize("tensor", values.length, elementCount(shape));
    const host = values.slice();
    const out = gpuTensor(shape, this.#arena.allocate(host.byteLength), host);
    this.device.write(out.storage.buffer, 0, host);
    return out;
  }

  embed(ids: Int32Array, table: Weight): Tensor {
    const wrong = ids.find((id) => id < 0 || id >= table.rows);
    if (wrong !== undefined) throw new RangeError(`embed: id ${wrong} of ${table.rows} rows`);
    const at = this.#upload(ids.slice(), this.#arena);
    const code = embedKernel(WEIGHT_FORMATS[table.type], table.cols);
    const groups = [table.cols / 32, ids.length] as const;
    return this.#run(code, [at, weightSliceOf(table)], [ids.length, table.cols], groups);
  }

  linears<W extends readonly Weight[]>(x: Tensor, weights: W): { readonly [I in keyof W]: Tensor } {
    return weights.map((weight) => this.linear(x, weight)) as { [I in keyof W]: Tensor };
  }

  linear(x: Tensor, weight: Weight): Tensor {
    const [rows, cols] = x.shape;
    expectSize(`linear with ${weight.name}: columns`, cols, weight.cols);
    const bias = weight.bias ? [sliceOf(weight.bias)] : [];
    const code = linearKernel(WEIGHT_FORMATS[weight.type], cols, weight.rows, bias.length > 0);
    const inputs = [sliceOf(x), weightSliceOf(weight), ...bias];
    const groups = [
      Math.ceil(weight.rows / LINEAR_OUTPUTS),
      Math.ceil(rows / LINEAR_ROWS),
    ] as const;
    return this.#run(code, inputs, [rows, weight.rows], groups);
  }

  rmsNorm(x: Tensor, gain: Tensor, epsilon: number): Tensor {
    const size = elementCount(gain.shape);
    expectSize("rmsNorm: elements beyond whole runs of the gain", x.shape[1] % size, 0);
    const runs = elementCount(x.shape) / size;
    return this.#run(normKernel(size, epsilon), [sliceOf(x), sliceOf(gain)], x.shape, [runs, 1]);
  }

  rope(x: Tensor, batch: Batch, rope: Rope): Tensor {
    expectSize("rope: rows", x.shape[0], batch.rows);
    const turns = this.#derive(batch, rope, () => ropeTurns(batch, rope));
    return this.#runElements(ropeKernel(x.shape[1], rope), [sliceOf(x), turns], x.shape);
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
    const own = cache ? null : ownPages(batch);
    const places = this.#derive(
      batch,
      cache,
      () => placesOf(batch, own ? (segment) => own.pages.get(segment) ?? [] : cachedPagesOf),
    );
    const pages = cache
      ? this.pagesOf(cache).layer(layer)
      : this.#room(4 * pageFloats(shape) * (own?.count ?? 0), this.#arena);
    const most = kvHeads * Math.max(keySize, valueSize);
    const writers = [Math.ceil(most / 32), batch.rows] as const;
    this.device.run(storeKernel(shape), [sliceOf(k), sliceOf(v), places, pages], writers);
    const out = [batch.rows, heads * valueSize];
    return this.#run(attentionKernel(shape), [sliceOf(q), places, pages], out, [heads, batch.rows]);
  }

  swiglu(gate: Tensor, up: Tensor): Tensor {
    expectSize("swiglu", elementCount(gate.shape), elementCount(up.shape));
    return this.#runElements(SWIGLU_KERNEL, [sliceOf(gate), sliceOf(up)], gate.shape);
  }

  add(a: Tensor, b: Tensor): Tensor {
    expectSize("add", elementCount(a.shape), elementCount(b.shape));
    return this.#runElements(ADD_KERNEL, [sliceOf(a), sliceOf(b)], a.shape);
  }

  headLinear(): Tensor {
    throw notHere("headLinear");
  }

  splitHeads(): Tensor[] {
    throw notHere("splitHeads");
  }

  joinHeads(): Tensor {
    throw notHere("joinHeads");
  }

  latentAttend(): Tensor {
    throw notHere("latentAttend");
  }

  selectRows(): Tensor {
    throw notHere("selectRows");
  }

  route(): Routing {
    throw notHere("route");
  }

  experts(): Tensor {
    throw notHere("experts");
  }

  tokenLogprobs(): Tensor {
    throw notHere("tokenLogprobs");
  }

  sample(): Promise<Drawn> {
    return Promise.reject(notHere("sample"));
  }

  drawRows(): Promise<Drawn> {
    return Promise.reject(notHere("drawRows"));
  }

  read(tensor: Tensor): Promise<Float32Array> {
    return this.device.read(sliceOf(tensor));
  }

  readInts(): Promise<Int32Array> {
    return Promise.reject(notHere("readInts"));
  }

  /** Runs a kernel whose last binding is a new tensor of this shape. */
  #run(
    code: string,
    inputs: readonly GpuSlice[],
    shape: readonly number[],
    groups: readonly [number, number],
  ): GpuTensor {
    const out = gpuTensor(shape, this.#arena.allocate(4 * elementCount(shape)));
    this.device.run(code, [...inputs, sliceOf(out)], groups);
    return out;
  }

  #runElements(code: string, inputs: readonly GpuSlice[], shape: readonly number[]): GpuTensor {
    return this.#run(code, inputs, shape, [Math.ceil(elementCount(shape) / LANES), 1]);
  }

  /** A table that is made once for a batch. */
  #derive(
    batch: Batch,
    key: unknown,
    make: () => Uint32Array<ArrayBuffer> | Float32Array<ArrayBuffer>,
  ): GpuSlice {
    const tables = this.#derived.get(batch) ?? new Map<unknown, GpuSlice>();
    this.#derived.set(batch, tables);
    const table = tables.get(key) ?? this.#upload(make(), this.#stepArena);
    tables.set(key, table);
    return table;
  }

  #upload(values: ArrayBufferView<ArrayBuffer>, arena: BufferArena): GpuSlice {
    const slice = this.#room(values.byteLength, arena);
    this.device.write(slice.buffer, 0, values);
    return slice;
  }

  #room(sizeBytes: number, arena: BufferArena): GpuSlice {
    return { buffer: arena.allocate(sizeBytes), sizeBytes };
  }
}

function notHere(op: string): UnsupportedError {
  return new UnsupportedError(`${op} is not in the WebGPU spike of the tests`, `webgpu-${op}`);
}

function expectSize(what: string, got: number, wanted: number): void {
  if (got !== wanted) throw new RangeError(`${what}: ${got} elements, expected ${wanted}`);
}
