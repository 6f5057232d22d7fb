/** The backends that training is tested on. Tests nothing. */
import { referenceBackend } from "./reference_ops/reference_backend.ts";
import type { TrainableBackend } from "./trainable_model.ts";

/** By name; the reference's numbers are float64. */
export const TRAINABLE_BACKENDS: readonly (readonly [
  name: string,
  create: () => TrainableBackend | Promise<TrainableBackend>,
])[] = [
  ["float64", referenceBackend],
];
