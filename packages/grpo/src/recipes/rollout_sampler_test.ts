/** Tests of rollout_sampler.ts: draws by number, budgets, adapters, what cannot be asked. */
import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { openTrainable, type TrainableModel } from "@aha/runtime/training";
import { fixturePath } from "../../../../tests/support/fixture.ts";
import { seededRandom } from "../../../../tests/support/seeded_random.ts";
import { nanoTokenizer } from "../model/nano_tokenizer.ts";
import { newModel } from "../model/new_model.ts";
import { SHAPES } from "../model/shape.ts";
import { newAdapters } from "../parameters/new_adapters.ts";
import { adapterPolicy, baseNetwork, fullPolicy, policyNetwork } from "../policy/policy.ts";
import { nanoTask } from "../tasks/mod.ts";
import { modelSampler, rolloutSampler } from "./rollout_sampler.ts";

const PROMPTS = Array.from({ length: 4 }, (_, i) => nanoTask({ seed: 1 }).row(i).prompt);
const REQUEST = { samples: 3, temperature: 1, topP: 1, maxTokens: 12, seed: 7, firstPrompt: 0 };

async function nano(): Promise<TrainableModel> {
  return await openTrainable(await newModel(SHAPES.ci, nanoTokenizer(), 1));
}

Deno.test("rolloutSampler: a completion depends on seed, prompt and sample alone, not on calls", async () => {
  const model = await nano();
  const sampler = rolloutSampler(policyNetwork(fullPolicy(model)), model.tokenizer);
  const all = await sampler(PROMPTS, REQUEST);
  assertEquals(all.map(({ length }) => length), [3, 3, 3, 3]);
  assertNotEquals(all[0][0].text, all[0][1].text);
  const rest = await sampler(PROMPTS.slice(2), { ...REQUEST, firstPrompt: 2 });
  assertEquals(rest, all.slice(2));
  assertEquals(
    (await sampler(PROMPTS, { ...REQUEST, samples: 2 })).map(([one]) => one),
    all.map(([one]) => one),
  );
  const other = await sampler(PROMPTS, { ...REQUEST, seed: 8 });
  assertNotEquals(other[0][0].text, all[0][0].text);
  const greedy = await sampler(PROMPTS, { ...REQUEST, temperature: 0 });
  for (const [one, two] of greedy) assertEquals(one, two);
  await model.close();
});

Deno.test("rolloutSampler: a thought is ended at its budget and the answer begun", async () => {
  const model = await nano();
  const { sampler, canThink } = await modelSampler(model);
  assert(canThink);
  for (const thinkingBudget of [0, 3]) {
    const groups = await sampler(PROMPTS, { ...REQUEST, thinkingBudget });
    for (const { text } of groups.flat()) {
      const [thought, rest] = text.split(" </think>");
      assert(rest !== undefined, text);
      const tokens = thought.replaceAll("<s>", " <s>").trim().split(/ +/).length - 1;
      assert(tokens <= thinkingBudget, text);
      if (thinkingBudget === 0) {
        assertEquals([thought, rest.slice(0, 9)], [" <think>", " <answer>"]);
      } else if (tokens === thinkingBudget) assert(rest.startsWith(" <answer>"), text);
    }
  }
  await model.close();
});

Deno.test("rolloutSampler: with adapters and without", async () => {
  const model = await nano();
  const random = seededRandom(3);
  const begun = newAdapters(
    model.model.config,
    { rank: 4, alpha: 8, targets: ["all-linear"] },
    () => random(1000) / 1000,
  );
  const values = begun.map((one) => ({ ...one, b: one.b.map(() => random(1000) / 500 - 1) }));
  const policy = await adapterPolicy(model, values);
  const plain = rolloutSampler(policyNetwork({ model, adapters: new Map() }), model.tokenizer);
  const base = rolloutSampler(baseNetwork(policy), model.tokenizer);
  const adapted = rolloutSampler(policyNetwork(policy), model.tokenizer);
  const wanted = await plain(PROMPTS, REQUEST);
  assertEquals(await base(PROMPTS, REQUEST), wanted);
  assertNotEquals(await adapted(PROMPTS, REQUEST), wanted);
  await model.close();
});

Deno.test("rolloutSampler: refuses budgets without tags, prompts beyond the context, too many samples", async () => {
  const model = await openTrainable(fixturePath("models/llama_untied/gguf/model-Q8_0.gguf"));
  const { sampler, canThink } = await modelSampler(model);
  assertEquals(canThink, false);
  const budget = { ...REQUEST, thinkingBudget: 4 };
  await assertRejects(() => sampler(["a b"], budget), RangeError, "no tokens <think>");
  const long = "a ".repeat(model.model.config.contextTokens + 1);
  await assertRejects(
    () => sampler(["a", long], { ...REQUEST, firstPrompt: 5 }),
    RangeError,
    "Prompt 6",
  );
  await assertRejects(
    () => sampler(["a"], { ...REQUEST, samples: 2000 }),
    RangeError,
    "samples is 2000",
  );
  await model.close();
});
