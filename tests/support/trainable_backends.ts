/** The backends that training is tested on. Tests nothing. */
import { createWasmBackend } from "../../packages/runtime/src/backend/wasm/backend.ts";
import { referenceBackend } from "./reference_ops/reference_backend.ts";
import type { TrainableBackend } from "../../packages/runtime/src/backend/grad_ops.ts";

/** How much of a test a backend is in time for. */
export interface BackendTraits {
  /** Of many cases that are alike one in so many runs: slow ones take few. */
  readonly caseStride: number;
}

/** By name; the reference's numbers are float64. */
export const TRAINABLE_BACKENDS: readonly (readonly [
  name: string,
  create: () => TrainableBackend | Promise<TrainableBackend>,
  traits: BackendTraits,
])[] = [
  ["float64", referenceBackend, { caseStride: 3 }],
  ["wasm", () => createWasmBackend(), { caseStride: 1 }],
];
