/** Tests of how many drafts are tried: more after right ones, none where they do not pay, again after a while. */
import { assert, assertEquals } from "@std/assert";
import { DraftLength } from "./draft_length.ts";

/** Lengths of `guesses` checks in a row; `accept` tells how many of a length are right. */
function lengths(
  length: DraftLength,
  guesses: number,
  accept: (drafted: number) => number,
  { most = 7, others = 0 } = {},
): number[] {
  return Array.from({ length: guesses }, () => {
    const next = length.next(most, others);
    if (next > 0) length.took(next, accept(next));
    return next;
  });
}

const all = (drafted: number) => drafted;
const none = () => 0;

Deno.test("DraftLength: begins with one token, grows to the most allowed while all are right", () => {
  const tried = lengths(new DraftLength(), 12, all);
  assertEquals(tried[0], 1);
  assertEquals(tried.at(-1), 7);
  assertEquals(tried, tried.toSorted((a, b) => a - b));
  assertEquals(lengths(new DraftLength(), 12, all, { most: 3 }).at(-1), 3);
  assertEquals(lengths(new DraftLength(), 3, all, { most: 0 }), [0, 0, 0]);
});

Deno.test("DraftLength: where all are wrong it turns itself off, and looks again from time to time", () => {
  const length = new DraftLength();
  const tried = lengths(length, 2000, none);
  const rows = tried.reduce((sum, one) => sum + one, 0);
  assert(rows > 20 && rows < 45, `${rows} rows for 2000 guesses`);
  assert(tried.slice(0, 100).reduce((sum, one) => sum + one, 0) < 14);
  const again = lengths(length, 100, all);
  assertEquals(again.at(-1), 7);
  assert(again.findIndex((one) => one > 0) <= 64);
});

Deno.test("DraftLength: one right of four keeps drafts short, three right of four make them longer", () => {
  const rightOf = (right: number) => {
    let count = 0;
    return (drafted: number) => {
      let accepted = 0;
      while (accepted < drafted && count++ % 4 < right) accepted++;
      return accepted;
    };
  };
  const mean = (right: number) => {
    const tried = lengths(new DraftLength(), 400, rightOf(right)).filter((one) => one > 0);
    return tried.reduce((sum, one) => sum + one, 0) / tried.length;
  };
  assert(mean(1) < 1.2, `${mean(1)}`);
  assert(mean(3) > 1.8, `${mean(3)}`);
});

Deno.test("DraftLength: beside others a draft must be likelier to be right, as their rows use the weights already", () => {
  const surest = (others: number) => {
    const length = new DraftLength();
    lengths(length, 30, all);
    return length.next(7, others);
  };
  assert(surest(1) > 1 && surest(3) > 1);
  assertEquals([0, 1, 4, 9].map((others) => new DraftLength().next(7, others)), [1, 1, 0, 0]);
});

Deno.test("DraftLength: rows of a mixture are dear, so drafts must be likelier to be right", () => {
  assertEquals(new DraftLength().next(7, 1), 1);
  assertEquals(new DraftLength({ kind: "mixture" }).next(7, 1), 0);
  assert(new DraftLength({ kind: "mixture", firstRate: 0.8 }).next(7, 1) > 0);
  assertEquals(lengths(new DraftLength({ kind: "mixture" }), 30, all).at(-1), 7);
});

Deno.test("DraftLength: guesses that cost time are left out, also alone, where they are right too seldom to pay", () => {
  const layer = (guessCost: number) =>
    new DraftLength({ kind: "mixture", guessCost, firstRate: 0.8, mustPay: true });
  const rows = (length: DraftLength, right: number) => {
    let count = 0;
    const tried = lengths(length, 400, (drafted) => count++ % 10 < right ? drafted : 0);
    return tried.reduce((sum, one) => sum + one, 0);
  };
  // 1.9 tokens for 1.42 + 0.3 steps pay, 1.4 do not; a layer as dear as 0.02 steps never has to be that sure.
  assert(rows(layer(0.3), 9) > 300);
  assert(rows(layer(0.3), 4) < 200, `${rows(layer(0.3), 4)} rows`);
  assert(rows(layer(0.02), 6) > 300);
});

Deno.test("DraftLength: what does not pay beside others is tried again after a while", () => {
  const length = new DraftLength();
  lengths(length, 4, none);
  const tried = lengths(length, 300, none, { others: 1 });
  const rows = tried.reduce((sum, one) => sum + one, 0);
  assert(rows > 2 && rows < 30, `${rows} rows of 300 guesses`);
});
