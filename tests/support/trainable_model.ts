/** Opens a model file for training on a backend with gradients, its parameters taken down by name. Trains nothing. */
import type { TrainableBackend } from "../../packages/runtime/src/backend/grad_ops.ts";
import { openGguf } from "../../packages/runtime/src/gguf/mod.ts";
import { planModel } from "../../packages/runtime/src/load_model.ts";
import { findArchitecture } from "../../packages/runtime/src/model/architectures.ts";
import type { LatentForm } from "../../packages/runtime/src/model/config/latent_config.ts";
import type { LanguageModel } from "../../packages/runtime/src/model/language_model.ts";
import { GgufParameters } from "../../packages/runtime/src/parameter_source.ts";
import {
  type NamedParameters,
  recordedSource,
} from "../../packages/grpo/src/parameters/recorded_source.ts";

/** A model that can be trained. */
export interface TrainableModel {
  readonly backend: TrainableBackend;
  readonly model: LanguageModel;
  readonly parameters: NamedParameters;
}

/** Opens a file or the bytes of one. */
export async function openTrainable(
  backend: TrainableBackend,
  from: string | Blob,
  latentForm?: LatentForm,
): Promise<TrainableModel> {
  const { gguf, source } = await openGguf(from);
  try {
    const { config } = planModel(gguf, { latentForm });
    const stored = new GgufParameters(gguf, source, backend, {});
    const { source: recorded, parameters } = recordedSource(stored);
    const model = await findArchitecture(config.architecture)(config, recorded, backend.ops);
    stored.expectAllUsed();
    return { backend, model, parameters };
  } finally {
    await source.close();
  }
}
