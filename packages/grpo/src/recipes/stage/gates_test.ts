/** Tests of gates.ts: what ends a run, what does not, and that earlier steps are remembered. */
import { assertEquals, assertThrows } from "@std/assert";
import { GateError, rlGates, ThoughtGate } from "./gates.ts";

function step(at: number, thought: number, format: number, others: Record<string, number> = {}) {
  const metrics = { "thought/mean_length": thought, "rewards/format/mean": format, ...others };
  return { step: at, metrics, totalSteps: 100, samples: [] };
}

Deno.test("ThoughtGate: thoughts that fall below half while the format rises end the run", () => {
  const gate = new ThoughtGate();
  for (let at = 1; at <= 10; at++) gate.look(step(at, 4, 0.8));
  for (let at = 11; at <= 13; at++) gate.look(step(at, 1, 0.9));
  const error = assertThrows(() => gate.look(step(14, 1, 0.9)), GateError, "step 14");
  assertEquals(/1\.6 tokens, at the start 4\.0/.test(error.message), true, error.message);
});

Deno.test("ThoughtGate: a format that all completions have from the start cannot rise, and hides no collapse", () => {
  const gate = new ThoughtGate();
  for (let at = 1; at <= 9; at++) gate.look(step(at, 0.5, 1));
  const look = (at: number) => gate.look(step(at, 0.1, 1));
  assertThrows(() => [10, 11, 12, 13, 14].forEach(look), GateError, "from 1.00 to 1.00");
});

Deno.test("ThoughtGate: growing thoughts, shorter ones and a format that falls too are let through", () => {
  const cases = [[2, 6, 0.8, 0.9], [4, 2.1, 0.8, 0.9], [4, 1, 0.9, 0.8]];
  for (const [from, to, before, after] of cases) {
    const gate = new ThoughtGate();
    for (let at = 1; at <= 5; at++) gate.look(step(at, from, before));
    for (let at = 6; at <= 40; at++) gate.look(step(at, to, after));
  }
});

Deno.test("rlGates: what was seen before a checkpoint counts; divergence is told", () => {
  const earlier = Array.from(
    { length: 12 },
    (_, i) => step(i + 1, i < 5 ? 4 : 1.2, i < 5 ? 0.8 : 0.9),
  );
  const told: string[] = [];
  // These would have ended the run themselves.
  assertThrows(() => rlGates(earlier, () => {}), GateError, "step 10");
  const look = rlGates(earlier.slice(0, 9), () => {});
  assertThrows(() => look(step(10, 1.2, 0.9)), GateError);
  const far = rlGates([], (text) => void told.push(text));
  for (let at = 1; at <= 5; at++) far(step(at, 4, 0.8, { kl: 1.2 }));
  assertEquals(told.length, 1);
  assertEquals(told[0].includes("1.20 nats a token from the reference"), true, told[0]);
});
