/** Opens a model file for training on any backend with gradients. Trains nothing. */
import type { TrainableBackend } from "../../packages/runtime/src/backend/grad_ops.ts";
import { openGguf } from "../../packages/runtime/src/gguf/mod.ts";
import type { LatentForm } from "../../packages/runtime/src/model/config/latent_config.ts";
import {
  loadTrainable,
  type TrainableModel,
} from "../../packages/runtime/src/training/trainable_model.ts";

export type { TrainableModel };

/** Opens a file or the bytes of one. */
export async function openTrainable(
  backend: TrainableBackend,
  from: string | Blob,
  latentForm?: LatentForm,
): Promise<TrainableModel> {
  const { gguf, source } = await openGguf(from);
  try {
    return await loadTrainable(backend, gguf, source, { name: String(from), latentForm });
  } finally {
    await source.close();
  }
}
