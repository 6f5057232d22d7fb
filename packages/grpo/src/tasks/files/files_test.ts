/** Files of every format to tasks, in the shapes they are published in (rows invented), and how bad ones are told. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { choiceSuite, countdownSuite } from "../../eval/mod.ts";
import { judgeLetter } from "../answer_text.ts";
import { aimeTask, gpqaTask, gsm8kTask, math500Task } from "./benchmarks.ts";
import { columnTask } from "./column_task.ts";
import { type CountdownRow, countdownTask, judgeCountdown } from "./countdown_file.ts";
import { parseCsv } from "./csv.ts";
import { DataError } from "./data_error.ts";
import { readEquation } from "./equation.ts";

function file(name: string, text: string) {
  return { name, bytes: new TextEncoder().encode(text) };
}

function lines(...rows: unknown[]): string {
  return rows.map((row) => typeof row === "string" ? row : JSON.stringify(row)).join("\n");
}

function asked(prompt: unknown): string {
  return (prompt as { content: string }[]).at(-1)!.content;
}

Deno.test("columnTask: JSON lines, arrays and tables give the same rows", async () => {
  const rows = [{ q: "1 + 1?", a: "2", note: "x" }, {
    q: 'say "hi", twice\nplease',
    a: "hi",
    note: "",
  }];
  const options = { promptColumn: "q", answerColumn: "a", instruction: "Be short." };
  const csv = 'q,a,note\r\n1 + 1?,2,x\r\n"say ""hi"", twice\nplease",hi,\r\n';
  const texts = { jsonl: lines(...rows) + "\n\n", json: JSON.stringify(rows), csv: "\ufeff" + csv };
  for (const [ending, text] of Object.entries(texts)) {
    const task = await columnTask(file(`sums.${ending}`, text), options);
    assertEquals([task.name, task.length], [`sums.${ending}`, 2]);
    const [one, other] = [task.row(0), task.row(1)];
    assertEquals(asked(one.prompt), "1 + 1?\n\nBe short.");
    assertEquals([one.answer, one.note, other.answer], ["2", "x", "hi"]);
    assertEquals(asked(other.prompt), 'say "hi", twice\nplease\n\nBe short.');
  }
});

Deno.test("columnTask: plain texts, conversations, system messages, no answers", async () => {
  const messages = [{ role: "user", content: "hi" }];
  const text = lines({ prompt: messages, answer: 4 }, { prompt: "1 + 1 =", answer: 2 });
  const task = await columnTask(file("a.jsonl", text), { asChat: false });
  assertEquals([task.row(0).prompt, task.row(0).answer], [messages, 4]);
  assertEquals(task.row(1).prompt, "1 + 1 =");
  const open = await columnTask(file("a.jsonl", lines({ prompt: "Tell me." })), {
    answerColumn: null,
    system: "You are kind.",
  });
  assertEquals((open.row(0).prompt as unknown[]).length, 2);
  assertEquals("answer" in open.row(0), false);
});

Deno.test("columnTask: from the disk, by path", async () => {
  const path = await Deno.makeTempFile({ suffix: ".jsonl" });
  try {
    await Deno.writeTextFile(path, lines({ prompt: "1 + 1?", answer: "2" }));
    assertEquals((await columnTask(path)).row(0).answer, "2");
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("files: what cannot be used is told with its lines", async () => {
  const read = (name: string, text: string) => () => columnTask(file(name, text));
  const cases: [string, string, string][] = [
    ["a.jsonl", "", "a.jsonl has no rows"],
    ["a.json", "[]", "a.json has no rows"],
    ["a.csv", "prompt,answer\n", "a.csv has no rows"],
    ["a.json", "{}", "a.json cannot be read: it holds no array of rows"],
    ["a.json", "[1", "a.json cannot be read: "],
    ["a.txt", "", "a.txt must end in .jsonl, .ndjson, .json, .csv, .parquet"],
    ["a.parquet", "PAR1", "a.parquet cannot be read: "],
    [
      "a.jsonl",
      lines({ prompt: "1", solution: "2" }),
      "a.jsonl has no column answer, its columns are prompt, solution",
    ],
    [
      "a.jsonl",
      lines({ question: "1", answer: "2" }),
      "a.jsonl has no column prompt, its columns are question, answer",
    ],
    ["a.jsonl", lines("nothing"), "a.jsonl has 1 bad of 1 rows: line 1: is no JSON"],
    [
      "a.csv",
      'prompt,answer\n1,2,3\n4,5\n"6,7',
      "bad of 3 rows: line 2: has 3 fields, the first row has 2; line 4: has a quote",
    ],
    ["a.json", '[{"prompt":"1","answer":"1"},2]', "row 2: is no object"],
  ];
  for (const [name, text, message] of cases) {
    await assertRejects(read(name, text), DataError, message);
  }
  const good = { prompt: "1", answer: "2" };
  const bad = lines(good, "{", "", [1], { prompt: "1" }, { prompt: " ", answer: "1" }, {
    prompt: [1],
    answer: "1",
  }, good);
  const error = await assertRejects(read("b.jsonl", bad), DataError);
  assertEquals(
    error.message,
    "b.jsonl has 5 bad of 7 rows: line 2: is no JSON; line 4: is no JSON object; line 5: answer is missing; " +
      "line 6: prompt is empty; line 7: prompt is no list of messages with a role each",
  );
  assertEquals((error as DataError).badRows.map(({ line }) => line), [2, 4, 5, 6, 7]);
  const many = lines(...Array(9).fill({ prompt: "", answer: 1 }), good);
  await assertRejects(
    read("c.jsonl", many),
    DataError,
    "c.jsonl has 9 bad of 10 rows: line 1: prompt is empty",
  );
  await assertRejects(read("c.jsonl", many), DataError, "line 5: prompt is empty; and 4 more");
  await assertRejects(() => columnTask("/nowhere/at/all.jsonl"), Error, "/nowhere/at/all.jsonl");
});

Deno.test("parseCsv: quotes, line ends and empty fields (RFC 4180)", () => {
  const fields = (text: string) => parseCsv(text).map((row) => row.fields);
  assertEquals(fields("a,b\n1,2"), [["a", "b"], ["1", "2"]]);
  assertEquals(fields('a,b\r\n"1\r\n2","""x"", y"\r\n'), [["a", "b"], ["1\r\n2", '"x", y']]);
  assertEquals(fields("a,,\n,b,"), [["a", "", ""], ["", "b", ""]]);
  assertEquals(fields('"",x'), [["", "x"]]);
  assertEquals(parseCsv('a\n"1\n2"\n\n3').map(({ line }) => line), [1, 2, 5]);
  assertEquals(parseCsv('a\n"1').map(({ isOpen }) => isOpen), [false, true]);
});

Deno.test("gsm8kTask: the number behind ####, in plain form", async () => {
  const text = lines(
    { question: "Two bags of 600?", answer: "2 * 600 = <<2*600=1200>>1200\n#### 1,200" },
    { question: "Debt?", answer: "3 - 5 = -2\n#### -2" },
  );
  const task = await gsm8kTask(file("test.jsonl", text));
  assertEquals([task.row(0).answer, task.row(1).answer], ["1200", "-2"]);
  assert(asked(task.row(0).prompt).startsWith("Two bags of 600?\n\nReason step by step"));
  const bad = lines({ question: "?", answer: "7" }, { question: "?", answer: "#### seven" });
  const message = "line 1: answer does not end in #### and a number; line 2: answer does not end";
  await assertRejects(() => gsm8kTask(file("test.jsonl", bad)), DataError, message);
});

Deno.test("math500Task and aimeTask: the columns of each publisher", async () => {
  const math = {
    problem: "x?",
    solution: "s",
    answer: "\\frac{1}{2}",
    subject: "Algebra",
    level: 3,
    unique_id: "t/1",
  };
  const row = (await math500Task(file("test.jsonl", lines(math)), { instruction: "" })).row(0);
  assertEquals([row.answer, row.level, row.subject, asked(row.prompt)], [
    "\\frac{1}{2}",
    3,
    "Algebra",
    "x?",
  ]);
  const older = { ...math, subject: undefined, type: "Algebra", level: "Level 5" };
  assertEquals((await math500Task(file("a.jsonl", lines(older)))).row(0).level, 5);
  for (
    const aime of [{ ID: "2024-I-4", Problem: "p", Answer: 33 }, { question: "p", answer: "033" }]
  ) {
    const task = await aimeTask(file("aime.json", JSON.stringify([aime])));
    assertEquals([task.row(0).answer, asked(task.row(0).prompt).slice(0, 1)], ["33", "p"]);
  }
  const bad = file("aime.jsonl", lines({ problem: "p", answer: "1000" }));
  await assertRejects(
    () => aimeTask(bad),
    DataError,
    "line 1: answer is no whole number from 0 to 999",
  );
});

Deno.test("gpqaTask: choices in an order that seed and row fix", async () => {
  const head =
    "Record ID,Question,Correct Answer,Incorrect Answer 1,Incorrect Answer 2,Incorrect Answer 3,High-level domain";
  const rows = Array.from(
    { length: 200 },
    (_, i) => `r${i},"Which, of ${i}?",right,w1,w2,"w3\n",Physics`,
  );
  const source = file("gpqa_diamond.csv", [head, ...rows].join("\n"));
  const [task, again, other] = await Promise.all(
    [1, 1, 2].map((seed) => gpqaTask(source, { seed })),
  );
  const letters = Array.from({ length: 200 }, (_, i) => `${task.row(i).answer}`);
  letters.forEach((letter, i) => {
    const { prompt, choices, level } = task.row(i);
    assert(asked(prompt).includes(`${letter}) right`), asked(prompt));
    assertEquals([[...choices as string[]].sort().join(), level], ["right,w1,w2,w3", "Physics"]);
    assertEquals(again.row(i), task.row(i));
    assert(judgeLetter(letter, `Answer: ${letter}`, true).isStrictlyRight);
  });
  for (const letter of "ABCD") {
    const count = letters.filter((one) => one === letter).length;
    assert(Math.abs(count - 50) < 30, `${letter}: ${count}`);
  }
  assert(letters.some((letter, i) => letter !== other.row(i).answer));
  assertEquals(choiceSuite(task, { limit: 5 }).rows.length, 5);
});

/** `target` int64, `nums` list of int64, two rows, Snappy: as TinyZero's files are; written by pyarrow. */
const PARQUET = [
  "UEFSMRUEFSAVJEwVBBUAEgAAEDxiAAAAAAAAAEAAAAAAAAAAFQAVEhUWLBUEFRAVBhUGHAAAAAkgAgAAAAQBAQMCFQ",
  "QVYBVITBUMFQASAAAwBCwACQEAEwkHBAAjDQgAPw0IPF8AAAAAAAAAYAAAAAAAAAAVABUiFSYsFQwVEBUGFQYcAAAA",
  "EUACAAAAAzYCAAAADAMDA4jGAhUEGVw1ABgGc2NoZW1hFQQAFQQlAhgGdGFyZ2V0ADUCGARudW1zFQIVBkw8AAAANQ",
  "QYBGxpc3QVAgAVBCUCGAdlbGVtZW50ABYEGRwZLCYAHBUEGTUABhAZGAZ0YXJnZXQVAhYEFnQWfCZIJggpLBUEFQAV",
  "AgAVABUQFQIAPCkGGSYABAAAACYAHBUEGTUABhAZOARudW1zBGxpc3QHZWxlbWVudBUCFgwWxAEWsAEm6AEmhAEpLB",
  "UEFQAVAgAVABUQFQIAPCkmBAgZRgAAAAwAAAAWuAIWBCYIFqwCACggcGFycXVldC1jcHAtYXJyb3cgdmVyc2lvbiAy",
  "Ni4wLjEZLBwAABwAAAAJAQAAUEFSMQ==",
].join("");

Deno.test("countdownTask: Parquet, JSON and CSV", async () => {
  const bytes = Uint8Array.from(atob(PARQUET), (char) => char.charCodeAt(0));
  const parquet = await countdownTask({ name: "train.parquet", bytes });
  assertEquals([parquet.length, parquet.row(0).nums, parquet.row(0).target], [2, [44, 19, 35], 98]);
  const json = [{
    nums: [3, 4, 5, 6],
    target: 18,
    solution: ["3+4=7"],
    search_path: "...",
    rating: 1,
  }];
  assertEquals((await countdownTask(file("val.json", JSON.stringify(json)))).row(0).level, 4);
  const csv = await countdownTask(file("a.csv", 'nums,target\n"[44 19 35]",98\n"[1, 2]",3'));
  assertEquals([csv.row(0).nums, csv.row(1).nums, csv.row(1).target], [[44, 19, 35], [1, 2], 3]);
  assert(asked(csv.row(0).prompt).includes("44, 19, 35"));
  const bad = lines({ nums: [1], target: 1 }, { nums: [1, "x"], target: 1 }, {
    nums: [1, 2],
    target: null,
  });
  const message =
    'line 1: nums is no list of 2 to 12 numbers; line 2: nums has "x" where a whole number belongs; ' +
    "line 3: target has no value where";
  await assertRejects(() => countdownTask(file("a.jsonl", bad)), DataError, message);
  const judge = countdownSuite(parquet).judge;
  assertEquals(
    judge(parquet.row(0), "<answer> 44 + 19 + 35 </answer>", true).isStrictlyRight,
    true,
  );
});

Deno.test("judgeCountdown: all numbers once, exact value", () => {
  const row: CountdownRow = { prompt: "", nums: [8, 3, 8, 3], target: 24 };
  const flags = (text: string, isFinished = true) => {
    const { hasFormat, isStrictlyRight, isRight, isLenientlyRight } = judgeCountdown(
      row,
      text,
      isFinished,
    );
    return [hasFormat, isStrictlyRight, isRight, isLenientlyRight].map(Number).join("");
  };
  // 8 / (3 - 8 / 3) = 8 / (1 / 3): wrong by floating point.
  assertEquals(flags("<think> hm </think> <answer> 8 / (3 - 8 / 3) </answer>"), "1111");
  assertEquals(flags("<answer>8 ÷ (3 − 8/3) = 24</answer>", false), "0011");
  assertEquals(flags("I take\n8 / (3 - 8 / 3)"), "0001");
  assertEquals(flags("<think> 8 / (3 - 8 / 3)"), "0000");
  assertEquals(flags("<answer> 24 </answer>"), "1000");
  assertEquals(flags("<answer> 8 * 3 </answer>"), "1000");
  assertEquals(flags("<answer> 8 + 8 + 3 + 3 = 24 </answer>"), "1000");
  assertEquals(judgeCountdown(row, "<answer> 8 / 3 + 8 / 3 </answer>", true).answerClass, "16/3");
});

Deno.test("readEquation: precedence, brackets, fractions, and what is none", () => {
  const cases: [string, string | null][] = [
    ["1 + 2 * 3", "7"],
    ["(1 + 2) * 3", "9"],
    ["10 - 4 - 3", "3"],
    ["12 / 4 / 6", "1/2"],
    ["3 / (1 - 4)", "-1"],
    ["2 / (1 - 4)", "-2/3"],
    ["0 / 5", "0"],
    ["((7))", "7"],
    ["99999999 * 99999999", "9999999800000001"],
    ...["1 / 0", "1 / (2 - 2)", "", "(", "1 +", "1 2", "(1", "1)", "-1", "2 ** 3", "1.5", "a"]
      .map((text): [string, null] => [text, null]),
    ["(".repeat(600), null],
  ];
  for (const [text, value] of cases) assertEquals(readEquation(text)?.value ?? null, value, text);
});
