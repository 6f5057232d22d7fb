/** A WebGPU device: buffers, pipelines by their text, commands in order, results read back. Knows no op and no tensor. */
import { UnsupportedError } from "../../packages/runtime/src/errors.ts";

/** A storage buffer, or its beginning: kernels see `sizeBytes` of it. */
export interface GpuSlice {
  readonly buffer: GPUBuffer;
  readonly sizeBytes: number;
}

const STORAGE = 0x80 | 0x08 | 0x04; // STORAGE, COPY_DST, COPY_SRC
const READBACK = 0x01 | 0x08; // MAP_READ, COPY_DST
const MAP_READ = 0x01;

/** Commands go into one encoder until something must see them: a write from the host, or a read. */
export class GpuDevice {
  readonly #pipelines = new Map<string, GPUComputePipeline>();
  #encoder: GPUCommandEncoder | null = null;
  #reservedBytes = 0;

  private constructor(private readonly device: GPUDevice, readonly adapterName: string) {
    device.pushErrorScope("validation");
  }

  /** @throws {UnsupportedError} when the machine has no adapter. */
  static async open(): Promise<GpuDevice> {
    const adapter = await navigator.gpu?.requestAdapter({ powerPreference: "high-performance" });
    if (!adapter) {
      throw new UnsupportedError(
        "WebGPU finds no adapter: install a Vulkan driver, such as Debian's mesa-vulkan-drivers and libvulkan1",
        "webgpu",
      );
    }
    const { maxBufferSize, maxStorageBufferBindingSize } = adapter.limits;
    const requiredLimits = { maxBufferSize, maxStorageBufferBindingSize };
    const { description, vendor } = adapter.info;
    return new GpuDevice(await adapter.requestDevice({ requiredLimits }), description || vendor);
  }

  get reservedBytes(): number {
    return this.#reservedBytes;
  }

  /** A zeroed storage buffer of at least this size. */
  buffer(sizeBytes: number): GPUBuffer {
    const size = Math.max(4, Math.ceil(sizeBytes / 4) * 4);
    this.#reservedBytes += size;
    return this.device.createBuffer({ size, usage: STORAGE });
  }

  /** Destroys a buffer after the commands that use it. */
  destroy(buffer: GPUBuffer): void {
    this.submit();
    this.#reservedBytes -= buffer.size;
    buffer.destroy();
  }

  /** Writes host bytes (whole words) behind all commands so far. */
  write(buffer: GPUBuffer, offset: number, values: ArrayBufferView<ArrayBuffer>): void {
    this.submit();
    this.device.queue.writeBuffer(buffer, offset, values);
  }

  copy(from: GPUBuffer, fromOffset: number, to: GPUBuffer, toOffset: number, bytes: number): void {
    this.#commands().copyBufferToBuffer(from, fromOffset, to, toOffset, bytes);
  }

  /** Enqueues `main` of a kernel; the slices are its bindings in order. */
  run(code: string, slices: readonly GpuSlice[], groups: readonly [x: number, y: number]): void {
    const pipeline = this.#pipeline(code);
    const entries = slices.map(({ buffer, sizeBytes }, binding) => ({
      binding,
      resource: { buffer, size: sizeBytes },
    }));
    const layout = pipeline.getBindGroupLayout(0);
    const pass = this.#commands().beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, this.device.createBindGroup({ layout, entries }));
    pass.dispatchWorkgroups(...groups);
    pass.end();
  }

  /** The values as they are after all commands so far, whatever is enqueued later. */
  async read({ buffer, sizeBytes }: GpuSlice): Promise<Float32Array> {
    const staging = this.device.createBuffer({ size: sizeBytes, usage: READBACK });
    this.copy(buffer, 0, staging, 0, sizeBytes);
    this.submit();
    // What any command since the last read did wrong is only told now.
    const failure = this.device.popErrorScope();
    this.device.pushErrorScope("validation");
    const error = await failure;
    if (error) throw new Error(`WebGPU refused a command: ${error.message}`);
    await staging.mapAsync(MAP_READ);
    const values = new Float32Array(staging.getMappedRange().slice(0));
    staging.destroy();
    return values;
  }

  submit(): void {
    const encoder = this.#encoder;
    this.#encoder = null;
    if (encoder) this.device.queue.submit([encoder.finish()]);
  }

  close(): void {
    this.device.destroy();
  }

  #commands(): GPUCommandEncoder {
    return this.#encoder ??= this.device.createCommandEncoder();
  }

  #pipeline(code: string): GPUComputePipeline {
    let pipeline = this.#pipelines.get(code);
    if (!pipeline) {
      const module = this.device.createShaderModule({ code });
      const compute = { module, entryPoint: "main" };
      pipeline = this.device.createComputePipeline({ layout: "auto", compute });
      this.#pipelines.set(code, pipeline);
    }
    return pipeline;
  }
}
