/** The table of backward rules by op. Runs nothing. */
import type { Ops } from "@aha/runtime/training";
import type { Rule } from "./recorder.ts";
import { attend, latentAttend } from "./rules/attention.ts";
import { add, swiglu } from "./rules/elementwise.ts";
import { embed } from "./rules/embed.ts";
import { headLinear } from "./rules/head_linear.ts";
import { joinHeads, splitHeads } from "./rules/heads.ts";
import { linear, linears } from "./rules/linear.ts";
import { experts, route } from "./rules/mixture.ts";
import { rmsNorm } from "./rules/rms_norm.ts";
import { rope } from "./rules/rope.ts";
import { selectRows } from "./rules/select_rows.ts";
import { tokenLogprobs } from "./rules/token_logprobs.ts";

/** Ops whose results depend on tensors in a way that gradients follow: all but scopes, constants, readings and draws. */
export type DifferentiableOp = Exclude<
  keyof Ops,
  "scope" | "checkpoint" | "tensor" | "sample" | "drawRows" | "read" | "readInts"
>;

/** One rule an op. */
export const RULES: { readonly [Name in DifferentiableOp]: Rule<Name> } = {
  embed,
  linear,
  linears,
  headLinear,
  splitHeads,
  joinHeads,
  rmsNorm,
  rope,
  attend,
  latentAttend,
  swiglu,
  route,
  experts,
  add,
  selectRows,
  tokenLogprobs,
};
