/** Tests of type_plan.ts. */
import { assertEquals, assertThrows } from "@std/assert";
import { UnsupportedError } from "../errors.ts";
import { type GgmlType, ggmlTypeByName, type TensorInfo } from "../gguf/mod.ts";
import { planTypes } from "./type_plan.ts";

function tensor(name: string, dims: readonly number[], type = "F16"): TensorInfo {
  return { name, dims, type: ggmlTypeByName(type) as GgmlType, offset: 0, sizeBytes: 0 };
}

Deno.test("planTypes: matrices get the type, vectors F32, routers keep theirs", () => {
  const plan = planTypes([
    tensor("token_embd.weight", [512, 9], "BF16"),
    tensor("blk.0.ffn_norm.weight", [512]),
    tensor("blk.0.ffn_gate_inp.weight", [512, 8], "F32"),
    tensor("blk.0.ffn_up_exps.weight", [512, 4, 8]),
  ], "Q4_K");
  assertEquals(plan.map(({ type }) => type), ["Q4_K", "F32", "F32", "Q4_K"]);
  assertEquals(plan.every(({ fallback }) => fallback === undefined), true);
});

Deno.test("planTypes: rows that do not fit fall back to Q8_0 or F16 with the reason", () => {
  const fallbacks = (type: string) =>
    planTypes([tensor("a", [96, 4]), tensor("b", [40, 4])], type)
      .map(({ type, fallback }) => [type, fallback]);
  const why = (cols: number, block: number, type: string) =>
    `rows of ${cols} weights are no multiple of the ${block} in a block of ${type}`;
  assertEquals(fallbacks("Q6_K"), [
    ["Q8_0", why(96, 256, "Q6_K")],
    ["F16", why(40, 256, "Q6_K")],
  ]);
  assertEquals(fallbacks("Q4_0"), [["Q4_0", undefined], ["F16", why(40, 32, "Q4_0")]]);
});

Deno.test("planTypes: types without a writer and quantized models are refused by name", () => {
  const refuse = (from: string, to: string, message: string) =>
    assertThrows(() => planTypes([tensor("a", [256, 4], from)], to), UnsupportedError, message);
  refuse("F16", "Q5_K", "The type Q5_K can be read but not written (types to write: F32 F16");
  refuse("F16", "Q4_K_M", "The type Q4_K_M is not known");
  refuse("Q8_0", "Q4_0", "The model is quantized already: tensor a is Q8_0; take a file of F32,");
  refuse("I32", "Q4_0", "Tensor a is I32, which cannot be quantized");
});
