/** Tests of passes over counted tokens: parts change no bit, gradients and log-probabilities belong to the right tokens. */
import { assertEquals, assertRejects } from "@std/assert";
import { openTrainable, type TrainableModel } from "@aha/runtime/training";
import { fixturePath } from "../../../../tests/support/fixture.ts";
import { seededRandom } from "../../../../tests/support/seeded_random.ts";
import { newAdapters } from "../parameters/new_adapters.ts";
import type { CountedSequence } from "./counted_sequence.ts";
import { adapterPolicy, fullPolicy, type Policy, policyNetwork } from "./policy.ts";
import { addGradients, tokenLogps } from "./token_pass.ts";

const SEQUENCES: readonly CountedSequence[] = [
  { ids: [7, 8, 9, 10, 11], mask: [0, 0, 1, 0, 1] },
  { ids: [30, 31, 32], mask: [0, 0, 0] },
  { ids: Array.from({ length: 40 }, (_, i) => 3 + i), mask: new Array(40).fill(1) },
  { ids: [5], mask: [1] },
];
const COUNTS = [2, 0, 39, 0];
const SLOPES = COUNTS.map((count) => Array.from({ length: count }, (_, i) => 0.1 + i / 100));

async function policyOf(
  kind: "all" | "adapters",
  threads?: number,
  name = "llama_untied",
): Promise<Policy> {
  const file = kind === "all" ? "F32" : "Q8_0";
  const model: TrainableModel = await openTrainable(
    fixturePath(`models/${name}/gguf/model-${file}.gguf`),
    { threads },
  );
  if (kind === "all") return fullPolicy(model);
  const random = seededRandom(3);
  const sizes = { rank: 4, alpha: 8, targets: ["all-linear"] };
  const begun = newAdapters(model.model.config, sizes, () => random(1000) / 1000);
  const values = begun.map((one) => ({ ...one, b: one.b.map(() => random(1000) / 5000 - 0.1) }));
  return await adapterPolicy(model, values);
}

async function gradients({ parameters, model: { backend: { grad } } }: Policy) {
  parameters.settle();
  const all = new Map<string, Float32Array>();
  for (const { name, gradient } of parameters.all) {
    all.set(name, await grad.readGradient(gradient));
  }
  parameters.zero();
  return all;
}

for (const kind of ["all", "adapters"] as const) {
  Deno.test(`token pass, ${kind}: one part or many, the same bits; log-probabilities are the scorer's`, async () => {
    const policy = await policyOf(kind);
    const whole = await addGradients(policy, SEQUENCES, SLOPES, {
      temperature: 0.7,
      withEntropies: true,
    });
    const wanted = await gradients(policy);
    assertEquals(whole.logps.map(({ length }) => length), COUNTS);
    for (const microBatchTokens of [1, 42, 44]) {
      const options = { temperature: 0.7, withEntropies: true, microBatchTokens };
      assertEquals(await addGradients(policy, SEQUENCES, SLOPES, options), whole);
      assertEquals(await gradients(policy), wanted, `${microBatchTokens} tokens at once`);
      assertEquals(await tokenLogps(policyNetwork(policy), SEQUENCES, options), whole);
    }
    await policy.model.close();
  });
}

/** Completions of two prompts by turns, of all lengths, one of them alone. */
const PROMPTS = [[7, 8, 9, 10, 11, 12, 13], Array.from({ length: 40 }, (_, i) => 3 + i)];
const COMPLETIONS: readonly CountedSequence[] = [5, 1, 12, 30, 2, 5, 40, 9].map((length, at) => {
  const prompt = PROMPTS[at % 2];
  const ids = [...prompt, ...Array.from({ length }, (_, i) => 5 + (7 * i + at) % 40)];
  const mask = ids.map((_, i) => Number(i >= prompt.length && i % 5 !== 3));
  return { ids, mask, promptTokens: prompt.length };
});
const COMPLETION_SLOPES = COMPLETIONS.map(({ mask }, at) =>
  Array.from(mask).filter((one) => one === 1).map((_, i) => Math.sin(at + i))
);
const alone = ({ ids, mask }: CountedSequence) => ({ ids, mask });

for (const name of ["llama_untied", "deepseek_v3"]) {
  Deno.test(`token pass, ${name}: rows of prompts that stand once change no log-probability, and gradients by rounding alone`, async () => {
    const policy = await policyOf("all", undefined, name);
    const options = { temperature: 0.7, withEntropies: true };
    const whole = await addGradients(policy, COMPLETIONS, COMPLETION_SLOPES, options);
    const shared = await gradients(policy);
    const apart = COMPLETIONS.map(alone);
    assertEquals(await addGradients(policy, apart, COMPLETION_SLOPES, options), whole);
    const wanted = await gradients(policy);
    assertEquals(await tokenLogps(policyNetwork(policy), COMPLETIONS, options), whole);
    let differing = 0;
    for (const [parameter, values] of wanted) {
      const size = Math.max(...values.map(Math.abs));
      shared.get(parameter)!.forEach((value, i) => {
        const distance = Math.abs(value - values[i]);
        assertEquals(distance <= 2e-5 * size, true, `${parameter}[${i}]: ${value}, ${values[i]}`);
        differing += Number(distance > 0);
      });
    }
    assertEquals(differing > 0, true, "no rows were shared");
    for (
      const how of [{ microBatchTokens: 1 }, { microBatchTokens: 150 }, { checkpoint: true }]
    ) {
      const again = await addGradients(policy, COMPLETIONS, COMPLETION_SLOPES, {
        ...options,
        ...how,
      });
      assertEquals(again, whole);
      assertEquals(await gradients(policy), shared, JSON.stringify(how));
    }
    await policy.model.close();
  });
}

Deno.test("token pass: what counts is what the mask says", async () => {
  const policy = await policyOf("all");
  const all = SEQUENCES[0].ids;
  const network = policyNetwork(policy);
  const { logps: [some] } = await tokenLogps(network, [SEQUENCES[0]]);
  const { logps: [every] } = await tokenLogps(network, [{ ids: all, mask: [1, 1, 1, 1, 1] }]);
  assertEquals(some, Float32Array.of(every[1], every[3]));
  await policy.model.close();
});

Deno.test("token pass: refuses masks and slopes that do not fit, and sequences beyond the context", async () => {
  const policy = await policyOf("all");
  const long = { ids: new Array(2000).fill(1), mask: new Array(2000).fill(1) };
  const network = policyNetwork(policy);
  await assertRejects(() => tokenLogps(network, [long]), RangeError, "Sequence 0 has 2000 tokens");
  const short = { ids: [1, 2], mask: [1] };
  await assertRejects(() => tokenLogps(network, [short]), RangeError, "has 1 values for 2 tokens");
  await assertRejects(
    () => addGradients(policy, SEQUENCES, [[1], [], [], []]),
    RangeError,
    "Sequence 0 has 1 slopes for 2 tokens",
  );
  const none = { microBatchTokens: 0 };
  await assertRejects(() => tokenLogps(network, SEQUENCES, none), RangeError, "micro_batch_tokens");
  await policy.model.close();
});
