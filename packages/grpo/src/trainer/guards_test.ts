/** Tests of the guards: each sees its fault, warns once, stops later, and lets a solved task go on. */
import { assertEquals, assertThrows } from "@std/assert";
import { DEFAULT_LIMITS, GuardError, Guards } from "./guards.ts";

function watch(metrics: Readonly<Record<string, number>>, limits = {}) {
  const warnings: string[] = [];
  const guards = new Guards(
    { ...DEFAULT_LIMITS, warnAfter: 2, stopAfter: 4, ...limits },
    (text) => warnings.push(text),
  );
  const look = (step: number, more = {}) =>
    guards.look({ step, totalSteps: 9, metrics: { ...metrics, ...more }, samples: [] });
  return { warnings, look };
}

const FAULTS: readonly (readonly [name: string, metrics: Record<string, number>, text: string])[] =
  [
    ["truncation", { "completions/clipped_ratio": 0.97 }, "97 % of the completions reach"],
    [
      "no variance",
      { frac_reward_zero_std: 1, reward: 0, reward_min: 0, reward_max: 0 },
      "100 % of",
    ],
    ["unjudged", { "rewards/unjudged": 0.75 }, "75 % of the completions could not be judged"],
    ["divergence", { kl: 1.5 }, "1.50 nats a token"],
  ];

for (const [name, metrics, text] of FAULTS) {
  Deno.test(`guards: ${name} is warned of, then stops the run and says what to change`, () => {
    const { warnings, look } = watch(metrics);
    look(1);
    assertEquals(warnings, []);
    look(2);
    look(3);
    assertEquals(warnings.length, 1);
    assertEquals(warnings[0].includes(text), true, warnings[0]);
    const error = assertThrows(() => look(4), GuardError, text);
    assertEquals((error as GuardError).step, 4);
  });
}

Deno.test("guards: one good step starts the count again, and limits can be turned off", () => {
  const { warnings, look } = watch({ kl: 2 });
  look(1);
  look(2, { kl: 0.1 });
  look(3);
  assertEquals(warnings, []);
  const off = watch({ kl: 2 }, { kl: Infinity });
  for (let step = 1; step < 9; step++) off.look(step);
  assertEquals(off.warnings, []);
});

Deno.test("guards: a solved task has equal rewards and goes on", () => {
  const { warnings, look } = watch({ reward_min: 0, reward_max: 1 });
  look(1, { frac_reward_zero_std: 0.3, reward: 0.5 });
  for (let step = 2; step < 9; step++) {
    look(step, { frac_reward_zero_std: 1, reward: 1, reward_min: 1 });
  }
  assertEquals(warnings, []);
});
