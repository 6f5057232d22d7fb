/** The model that a policy is held near to: none, the base below its adapters, or a frozen copy. Computes no divergence. */
import { frozenCopy } from "@aha/runtime/training";
import { baseNetwork, type Network, type Policy } from "../policy/policy.ts";
import type { NamedParameters } from "@aha/runtime/training";

/** A reference model. */
export interface Reference {
  readonly network: Network;
  /** What a checkpoint must hold of it; empty where it never changes and is at hand. */
  readonly parameters: NamedParameters;
  /** Takes over the policy (R1 2501.12948v2, methods: every 400 steps). */
  refresh(): Promise<void>;
}

/**
 * The reference of a policy that is about to be trained. Adapters need none of their own: the model without them is at hand.
 * @throws {RangeError} where adapters shall be refreshed into it
 */
export async function referenceOf(policy: Policy, isRefreshed: boolean): Promise<Reference> {
  if (policy.adapters.size > 0) {
    if (isRefreshed) {
      throw new RangeError(
        "sync_ref_model is on, but the reference of adapters is the model below them: turn it off, or train all of the model",
      );
    }
    const network = baseNetwork(policy);
    return { network, parameters: new Map(), refresh: () => Promise.resolve() };
  }
  const copy = await frozenCopy(policy.model);
  const network = { ...baseNetwork(policy), model: copy.model };
  return { network, parameters: copy.parameters, refresh: () => copy.refresh() };
}
