/** Tests of thinking_budget.ts. */
import { assertEquals } from "@std/assert";
import { ThinkingBudget } from "./thinking_budget.ts";

Deno.test("ThinkingBudget: the closing tokens come once, after so many tokens of thinking", () => {
  const budget = new ThinkingBudget(2, [7, 8]);
  assertEquals(budget.next(false), undefined);
  for (let i = 0; i < 2; i++) {
    assertEquals(budget.next(true), undefined);
    budget.count();
  }
  assertEquals([budget.next(true), budget.next(false), budget.next(false)], [7, 8, undefined]);
  budget.count();
  assertEquals(budget.next(true), undefined);
});

Deno.test("ThinkingBudget: no tokens at all, and a thought that ended in time", () => {
  assertEquals(new ThinkingBudget(0, [7]).next(true), 7);
  const unused = new ThinkingBudget(1, [7]);
  unused.count();
  assertEquals(unused.next(false), undefined);
});

Deno.test("ThinkingBudget: a thought that must end now, once and whatever its budget", () => {
  for (const tokens of [0, 5, Infinity]) {
    const budget = new ThinkingBudget(tokens, [7, 8]);
    assertEquals(budget.next(false, true), undefined);
    assertEquals([budget.next(true, true), budget.next(true, true)], [7, 8]);
    assertEquals(budget.next(true), undefined);
  }
});
