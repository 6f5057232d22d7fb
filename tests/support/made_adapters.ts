/** Adapters of seeded numbers that change a model's answers, as values, GGUF files and of a chosen strength. Checks nothing. */
import { openGguf } from "../../packages/runtime/src/gguf/mod.ts";
import { planModel } from "../../packages/runtime/src/load_model.ts";
import {
  type AdapterValues,
  chooseTargets,
  writeGgufAdapter,
} from "../../packages/runtime/src/lora/mod.ts";
import type { ModelConfig } from "../../packages/runtime/src/model/config.ts";
import type { LatentForm } from "../../packages/runtime/src/model/config/latent_config.ts";
import { memorySink } from "./memory_sink.ts";
import { seededRandom } from "./seeded_random.ts";

/** Sizes of a model file, or of the bytes of one. */
export async function configOf(
  from: string | Blob,
  latentForm: LatentForm = "absorbed",
): Promise<ModelConfig> {
  const { gguf, source } = await openGguf(from);
  await source.close();
  return planModel(gguf, { latentForm }).config;
}

/** An adapter of rank 4 on the targets; all matrices of blocks, unless they are named. */
export function madeAdapter(
  config: ModelConfig,
  seed: number,
  targets: readonly string[] = config.mixture ? ["all-linear", "experts"] : ["all-linear"],
): AdapterValues[] {
  const random = seededRandom(seed);
  const rank = 4;
  return chooseTargets(config, targets).map(({ weight, rows, cols, experts }) => {
    const numbers = (count: number, bound: number) =>
      Float32Array.from(
        { length: count * (experts ?? 1) },
        () => (random(2001) / 1000 - 1) * bound,
      );
    const a = numbers(rank * cols, 1.7 / Math.sqrt(cols));
    const b = numbers(rows * rank, 0.5);
    return { weight, rows, cols, rank, scale: 0.5, a, b, ...(experts ? { experts } : {}) };
  });
}

/** The file that llama.cpp would read. */
export async function adapterFile(
  config: ModelConfig,
  values: readonly AdapterValues[],
): Promise<Blob> {
  const sink = memorySink();
  await writeGgufAdapter(sink, values, config);
  return sink.blob();
}
