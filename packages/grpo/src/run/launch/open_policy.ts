/** The policy of a configuration: its model, and the adapters that are trained on it. Trains nothing. */
import { readAdapter } from "@aha/runtime/lora";
import { openTrainable, type TrainableModel } from "@aha/runtime/training";
import { newAdapters } from "../../parameters/new_adapters.ts";
import { adapterPolicy, fullPolicy, type Policy } from "../../policy/policy.ts";
import { CounterRandom } from "../../tasks/counter_random.ts";
import type { CommonRunConfig } from "../run_config.ts";

/** Stream of the numbers that adapters begin with. */
const ADAPTER_STREAM = 103;

/**
 * Opens the model and what is trained of it: adapters that are read or begun, or all of it.
 * @throws {RangeError} for a rank or target that cannot be
 * @throws {UnsupportedError} naming a quantized matrix where all of the model shall be trained
 * @throws what `openTrainable` and `readAdapter` throw
 */
export async function openPolicy(config: CommonRunConfig, signal?: AbortSignal): Promise<Policy> {
  const { model: where, threads } = config;
  // Adapters of `kv_b_proj` need the form that has it; the other one is for inference.
  const latentForm = config.lora || config.adapter ? "naive" : undefined;
  const model = await openTrainable(where, { threads: threads ?? undefined, latentForm, signal });
  try {
    return await policyOf(model, config);
  } catch (error) {
    await model.close();
    throw error;
  }
}

async function policyOf(model: TrainableModel, config: CommonRunConfig): Promise<Policy> {
  const { lora, adapter, seed } = config;
  if (adapter !== null) {
    if (lora !== null) {
      throw new TypeError(
        "adapter and lora are both given: the adapter's file has its own rank, alpha and targets, leave lora out",
      );
    }
    return await adapterPolicy(model, await readAdapter(adapter, model.model.config));
  }
  if (lora === null) return fullPolicy(model);
  const random = new CounterRandom(seed, ADAPTER_STREAM, 0);
  const values = newAdapters(
    model.model.config,
    { rank: lora.rank, alpha: lora.alpha, targets: lora.targets, rankStabilized: lora.rslora },
    () => random.fraction(),
  );
  return await adapterPolicy(model, values, lora.dropout);
}
