/** The numbers of adapters as training has left them. Writes no file. */
import type { AdapterValues } from "@aha/runtime/lora";
import type { Policy } from "../../policy/policy.ts";

/** A policy's adapters as they are now. */
export async function readAdapterValues(policy: Policy): Promise<AdapterValues[]> {
  const { adapters, adapterValues, model: { backend: { grad } } } = policy;
  const all: AdapterValues[] = [];
  for (const begun of adapterValues) {
    const adapter = adapters.get(begun.weight);
    if (!adapter) continue;
    const [a, b] = [await grad.readParameter(adapter.a), await grad.readParameter(adapter.b)];
    all.push({ ...begun, a, b });
  }
  return all;
}
