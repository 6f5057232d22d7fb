/** Properties over 10,000 rows of each task: gold is right, corrupted gold is wrong, splits are apart, numbers are addresses, shares are the study's. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { CounterRandom } from "../counter_random.ts";
import { splitOf } from "../hash_split.ts";
import { digitLanguage, digitToken, plainDigits } from "./digits.ts";
import { type NanoDocument, nanoDocuments } from "./documents.ts";
import { NANO_TASK_NAMES } from "./draws.ts";
import { judgeIds } from "./judge.ts";
import { strangeness } from "./learned.ts";
import { nanoTask, nanoTestRows } from "./nano_task.ts";
import { NANO_TASKS, type NanoPrompt, type NanoTaskName, readPrompt } from "./prompt.ts";
import { soundTries } from "./problems/attempts.ts";
import { decodeWords, encodeWords, TOKEN } from "./vocabulary.ts";

const ROWS = 10_000;

function parts(document: NanoDocument): { asked: NanoPrompt; completion: number[] } {
  const asked = readPrompt(document.ids.slice(0, document.promptLength));
  assert(asked, decodeWords(document.ids));
  return { asked, completion: document.ids.slice(document.promptLength) };
}

function thoughtOf(completion: readonly number[]): number[] {
  return completion.slice(1, completion.indexOf(TOKEN.thinkEnd));
}

/** Another digit in one place of the answer. */
function corrupted(completion: readonly number[], random: CounterRandom): number[] {
  const start = completion.indexOf(TOKEN.answer);
  const places = completion.flatMap((token, at) => at > start && digitLanguage(token) ? [at] : []);
  const at = random.pick(places);
  const [digit] = plainDigits([completion[at]]);
  const other = digitToken((digit - TOKEN.zero + 1 + random.below(9)) % 10);
  const shift = digitLanguage(completion[at]) === "xx" ? TOKEN.zeroXx - TOKEN.zero : 0;
  return completion.with(at, other + shift);
}

for (const task of NANO_TASK_NAMES) {
  Deno.test(`${task}: gold traces are right, corrupted ones are wrong`, () => {
    const gold = nanoDocuments({
      ...{ seed: 11, tasks: { [task]: 1 }, languageOf: "asked" as const },
      ...{ thoughtShare: 1, taggedShare: 1 },
    });
    for (let index = 0; index < ROWS; index++) {
      const document = gold.document(index);
      const { asked, completion } = parts(document);
      const verdict = judgeIds(asked, completion, true);
      const text = decodeWords(document.ids);
      assertEquals(asked.task, task);
      assert(verdict.isStrictlyRight && verdict.isLenientlyRight, text);
      assertEquals(verdict.languageShare, 1, text);
      const wrong = judgeIds(asked, corrupted(completion, new CounterRandom(1, 9, index)), true);
      assert(!wrong.isRight && !wrong.isLenientlyRight && wrong.hasFormat, text);
    }
  });

  Deno.test(`${task}: sides do not overlap, and a number is an address`, () => {
    const keys = (["train", "test"] as const).map((split) => {
      const rows = nanoTask({ seed: 3, tasks: { [task]: 1 }, split });
      const found = new Set<string>();
      for (let index = 0; index < ROWS; index++) found.add(rows.row(index).problem);
      for (const index of [9_999, 17, 0]) {
        const again = nanoTask({ seed: 3, tasks: { [task]: 1 }, split }).row(index);
        assertEquals(again, rows.row(index));
        assertEquals(found.has(again.problem), true);
      }
      for (const key of found) assertEquals(splitOf(key), split);
      return found;
    });
    assertEquals(keys[0].intersection(keys[1]).size, 0);
    const [one, other] = [1, 2].map((seed) => nanoTask({ seed, tasks: { [task]: 1 } }));
    const equal = Array.from({ length: 100 }, (_, i) => one.row(i).prompt === other.row(i).prompt);
    assert(equal.filter(Boolean).length < 20);
  });

  Deno.test(`${task}: documents are of the train side unless asked, rows carry a right answer`, () => {
    const documents = nanoDocuments({ seed: 5, tasks: { [task]: 1 } });
    const rows = nanoTask({ seed: 5, tasks: { [task]: 1 } });
    for (let index = 0; index < 2000; index++) {
      const { asked } = parts(documents.document(index));
      assertEquals(splitOf(NANO_TASKS[task].key(asked.problem)), "train");
      const { prompt, answer, level, language } = rows.row(index);
      const read = readPrompt(encodeWords(prompt))!;
      assertEquals([NANO_TASKS[task].level(read.problem), read.language], [level, language]);
      const completion = encodeWords(`<think> </think> <answer> ${answer} </answer>`);
      assert(judgeIds(read, completion, true).isStrictlyRight, prompt);
    }
  });
}

Deno.test("CD: every try of a gold thought is worked out and marked right, none comes twice, the last hits", () => {
  const gold = nanoDocuments({
    seed: 2,
    tasks: { CD: 1 },
    thoughtShare: 1,
    taggedShare: 1,
    languageOf: "asked",
  });
  const counts = Array(5).fill(0);
  for (let index = 0; index < ROWS; index++) {
    const { asked, completion } = parts(gold.document(index));
    const thought = plainDigits(thoughtOf(completion));
    assert(asked.problem.kind === "CD");
    const { sound, tries } = soundTries(asked.problem.target, thought);
    assertEquals(sound, tries);
    const written = Array.from({ length: tries }, (_, i) => thought.slice(8 * i, 8 * i + 8).join());
    assertEquals(new Set(written).size, tries);
    const hits = written.map((_, i) => thought[8 * i + 7] === TOKEN.hit);
    assertEquals(hits.indexOf(true), tries - 1);
    assertEquals(judgeIds(asked, completion, true).reflections, tries - 1);
    counts[tries - 1]++;
    const broken = thought.with(3, digitToken((thought[3] - TOKEN.zero + 1) % 10));
    assertEquals(soundTries(asked.problem.target, broken).sound, tries - 1);
  }
  for (const count of counts) assert(Math.abs(count - ROWS / 5) < 250, `${counts}`);
});

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

Deno.test("base documents: lengths and shares are those of the study (section 2)", () => {
  const base = nanoDocuments({ seed: 4, thoughtShare: 0.4 });
  const documents = Array.from({ length: 4 * ROWS }, (_, index) => base.document(index));
  const lengths = (task: NanoTaskName, hasThought: boolean) =>
    mean(
      documents.filter((one) => one.task === task && one.hasThought === hasThought).map(({ ids }) =>
        ids.length
      ),
    );
  // Expected by hand: a prompt of 3 + the question + 1; tags 4, end 1; in one of five `=` instead of the tags.
  const expected = { CHAIN: [21.4, 33.4], MUL: [17.4, 28.4], EVAL: [20.4, 34.4], CD: [18.4, 42.4] };
  for (const [task, [direct, long]] of Object.entries(expected)) {
    const found = [false, true].map((hasThought) => lengths(task as NanoTaskName, hasThought));
    assert(Math.abs(found[0] - direct) < 0.3, `${task} direct ${found[0]}`);
    assert(Math.abs(found[1] - long) < 0.7, `${task} long ${found[1]}`);
  }
  assert(Math.abs(mean(documents.map(({ promptLength }) => promptLength)) - 12.1) < 0.1);
  const verdicts = documents.map((document) => {
    const { asked, completion } = parts(document);
    return { ...judgeIds(asked, completion, true), task: asked.task };
  });
  const format = mean(verdicts.map(({ hasFormat }) => Number(hasFormat)));
  assert(format > 0.78 && format < 0.81, `${format}`);
  const reasoning = verdicts.filter(({ task }) => task !== "GENERAL");
  assert(reasoning.every(({ isLenientlyRight }) => isLenientlyRight));
  const long = documents.filter(({ task, hasThought }) => task !== "GENERAL" && hasThought).length;
  assert(Math.abs(long / reasoning.length - 0.4) < 0.013);
  const share = reasoning.length / verdicts.length;
  assert(Math.abs(share - 0.94) < 0.006, `${share}`);
});

Deno.test("base documents: thoughts are in one language, the other or both, whatever is asked", () => {
  const base = nanoDocuments({
    seed: 6,
    tasks: { CHAIN: 1 },
    levels: { CHAIN: [10] },
    thoughtShare: 1,
    taggedShare: 1,
  });
  const shares = Array.from({ length: ROWS }, (_, index) => {
    const { asked, completion } = parts(base.document(index));
    return judgeIds(asked, completion, true).languageShare;
  });
  // A third each; a mix of ten digits is in one language all along in 0.7^9 = 4 % of cases.
  for (const [whole, wanted] of [[1, 0.340], [0, 0.340]]) {
    const found = mean(shares.map((share) => Number(share === whole)));
    assert(Math.abs(found - wanted) < 0.025, `${whole}: ${found}`);
  }
  assert(Math.abs(mean(shares) - 0.5) < 0.02);
});

Deno.test("one language: no token of the other comes", () => {
  const base = nanoDocuments({
    seed: 1,
    tasks: { CHAIN6: 3, GENERAL: 1 },
    languages: ["en"],
    levels: { GENERAL: [3, 4, 5] },
  });
  for (let index = 0; index < 2000; index++) {
    const { ids, level, task } = base.document(index);
    assert(!ids.includes(TOKEN.xx) && !ids.some((id) => digitLanguage(id) === "xx"));
    if (task === "GENERAL") assert(level <= 5);
  }
});

Deno.test("nanoTestRows: different problems of hard levels, held out", () => {
  const rows = nanoTestRows({ seed: 1, tasks: { CHAIN: 1, EVAL: 1, CD: 1 } }, 500);
  assertEquals(new Set(rows.map(({ problem }) => problem)).size, 500);
  for (const { task, level, problem } of rows) {
    assertEquals(splitOf(problem), "test");
    assert(task !== "CHAIN" || level >= 5);
    assert(task !== "EVAL" || level >= 2);
  }
  const far = nanoTestRows({ seed: 1, tasks: { CHAIN: 1 }, levels: { CHAIN: [11, 12] } }, 50);
  assertEquals(new Set(far.map(({ level }) => level)), new Set([11, 12]));
  assertThrows(
    () => nanoTestRows({ seed: 1, tasks: { CD: 1 } }, 1000),
    RangeError,
    "1000 problems of CD",
  );
});

Deno.test("draws: levels are drawn, what cannot be drawn is refused", () => {
  for (const level of [0, 1, 2]) {
    const task = nanoTask({ seed: 1, tasks: { MUL: 1 }, levels: { MUL: [level] } });
    for (let index = 0; index < 50; index++) assertEquals(task.row(index).level, level);
  }
  assertEquals(nanoTask({ seed: 1, tasks: { CD: 1 }, levels: { CD: [3] } }).row(5).level, 3);
  const draw = (options: Record<string, unknown>) => () => nanoTask({ seed: 1, ...options });
  assertThrows(draw({ tasks: { SUM: 1 } }), RangeError, "SUM is no nano task, there are CHAIN");
  assertThrows(draw({ tasks: { MUL: 0 } }), RangeError, "one at least must be above 0");
  assertThrows(draw({ tasks: { MUL: -1 } }), RangeError, "one at least must be above 0");
  assertThrows(
    draw({ levels: { EVAL: [9] } }),
    RangeError,
    "levels of EVAL are [9], there are 1, 2, 3, 4, 5",
  );
  assertThrows(draw({ languages: [] }), RangeError, "they must be en, xx or both");
  assertThrows(() => nanoDocuments({ seed: 1, thoughtShare: 2 }), RangeError, "thoughtShare is 2");
});

Deno.test("strangeness: nothing that base data have is strange; unseen levels are", () => {
  const { document } = nanoDocuments({ seed: 4 });
  for (let i = 0; i < 300; i++) {
    const { ids, promptLength } = document(i);
    assertEquals(strangeness(decodeWords(ids.slice(0, promptLength))), null);
  }
  for (const [task, level] of [["CHAIN", 12], ["EVAL", 5]] as const) {
    const { row } = nanoTask({ seed: 4, tasks: { [task]: 1 }, levels: { [task]: [level] } });
    for (let i = 0; i < 20; i++) assert(strangeness(row(i).prompt)?.startsWith(`${task} goes up`));
  }
});
