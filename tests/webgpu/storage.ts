/** What the spike keeps in `storage` of tensors and weights. The only place that looks inside them. */
import type { Tensor, Weight } from "../../packages/runtime/src/tensor.ts";
import { elementCount } from "../../packages/runtime/src/tensor.ts";
import type { GpuSlice } from "./device.ts";

/** A tensor in a buffer. */
export interface GpuTensor extends Tensor {
  /** `host`: the values, of vectors that came from the host and live as long as the model. */
  readonly storage: { readonly buffer: GPUBuffer; readonly host?: Float32Array };
}

/** A weight as it stands in the file. */
export interface GpuWeight extends Weight {
  readonly storage: GpuSlice;
}

/** Wraps a buffer. */
export function gpuTensor(
  shape: readonly number[],
  buffer: GPUBuffer,
  host?: Float32Array,
): GpuTensor {
  return { type: "f32", shape, storage: { buffer, host } };
}

/** The bytes of a tensor. */
export function sliceOf(tensor: Tensor): GpuSlice {
  const { buffer } = (tensor as GpuTensor).storage;
  return { buffer, sizeBytes: 4 * elementCount(tensor.shape) };
}

/** The bytes of a weight. */
export function weightSliceOf(weight: Weight): GpuSlice {
  return (weight as GpuWeight).storage;
}

/** Values that the host knows: reading the device would take an await, which no op may. */
export function hostValuesOf(tensor: Tensor): Float32Array {
  const { host } = (tensor as GpuTensor).storage;
  if (host) return host;
  throw new TypeError(`A tensor [${tensor.shape}] of the device is not known to the host`);
}
