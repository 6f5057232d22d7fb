/** A `Backend` over WebGPU that proves the waist: what one model file needs to run. Not for use; the backend proper comes later. */
import { UnsupportedError } from "../../packages/runtime/src/errors.ts";
import { KvCache } from "../../packages/runtime/src/kv_cache.ts";
import type { Backend } from "../../packages/runtime/src/ops.ts";
import { GpuDevice } from "./device.ts";
import { GpuPages } from "./gpu_pages.ts";
import { WebGpuOps } from "./ops.ts";
import { loadGpuVector, loadGpuWeight } from "./weight_loader.ts";

/**
 * Opens the machine's best adapter.
 * @throws {UnsupportedError} when there is none
 */
export async function createWebGpuBackend(): Promise<Backend> {
  const device = await GpuDevice.open();
  const stores = new WeakMap<KvCache, GpuPages>();
  const pagesOf = (cache: KvCache): GpuPages => {
    const pages = stores.get(cache);
    if (!pages) throw new TypeError("The cache does not belong to this backend");
    return pages;
  };
  return {
    name: "webgpu",
    variant: device.adapterName,
    threads: 1,
    numericsId: device.adapterName,
    ops: new WebGpuOps(device, pagesOf),
    loadWeight: (stored, read) => loadGpuWeight(device, stored, read),
    dequantize: ({ name }) =>
      Promise.reject(new UnsupportedError(`${name} cannot be dequantized by WebGPU yet`, name)),
    loadVector: (stored, read) => loadGpuVector(device, stored, read),
    createCache: (shape, maxPages) => {
      const pages = new GpuPages(device, shape);
      const cache = new KvCache(shape, pages, maxPages);
      stores.set(cache, pages);
      return cache;
    },
    memoryBytes: () => device.reservedBytes,
    close: () => {
      device.close();
      return Promise.resolve();
    },
  };
}
