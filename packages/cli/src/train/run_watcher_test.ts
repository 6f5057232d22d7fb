/** Tests of run_watcher.ts and below it: what stands on a terminal while a run goes on, and what a pipe gets. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import process from "node:process";
import { capturedIo } from "../../../../tests/support/captured_io.ts";
import { FakeScreen } from "../../../../tests/support/fake_screen.ts";
import { scriptedStep } from "../../../../tests/support/scripted_run.ts";
import type { CommandIo } from "../command.ts";
import { RunWatcher } from "./run_watcher.ts";
import { columnsOf } from "./styled_line.ts";

/** A watcher on a fake terminal, and the way to end its run. */
function onScreen(columns: number, rows: number) {
  const screen = new FakeScreen(columns, rows);
  const controller = new AbortController();
  let written = "";
  const io: CommandIo = {
    ...capturedIo().io,
    errorIsTerminal: true,
    error(text) {
      written += text;
      screen.write(text);
    },
    get columns() {
      return screen.columns;
    },
    rows,
    signal: controller.signal,
  };
  let now = 0;
  const { hooks } = new RunWatcher("sums, nano", io, () => (now += 1500));
  return { screen, hooks, abort: () => controller.abort(), written: () => written };
}

function withEnv(values: Record<string, string | undefined>, run: () => void): void {
  const before = Object.fromEntries(Object.keys(values).map((key) => [key, process.env[key]]));
  const set = (all: Record<string, string | undefined>) => {
    for (const [key, value] of Object.entries(all)) {
      if (value === undefined) delete process.env[key];
      else process.env[key] = value;
    }
  };
  set(values);
  try {
    run();
  } finally {
    set(before);
  }
}

const COLOURED = { NO_COLOR: undefined, TERM: "xterm-256color" };

Deno.test("on a terminal the view is drawn in place and tells what matters", () => {
  withEnv(COLOURED, () => {
    const { screen, hooks } = onScreen(80, 24);
    hooks.onStart?.({ step: 0, totalSteps: 40 });
    for (let step = 1; step <= 30; step++) hooks.onStep(scriptedStep(step, 40));
    const lines = screen.text.split("\n");
    assertEquals(lines[0], "sums, nano: 40 steps");
    assertEquals(lines.filter((line) => line.startsWith("step 30 of 40")).length, 1);
    assertEquals(lines.filter((line) => line.startsWith("step ")).length, 1);
    assertStringIncludes(screen.text, " 75 %, 15s left, 1.5 s a step");
    assert(/^reward +1\.\d+ {2}[▁-█]+ /m.test(screen.text), screen.text);
    assert(/^no variance +\d+(\.\d+)? % {2}[▁-█]+/m.test(screen.text), screen.text);
    assertStringIncludes(screen.text, "sample of step 30: reward 1.5 (accuracy 1, format 1)");
    assertStringIncludes(screen.text, "let me check again.");
    assertStringIncludes(screen.text, "  <answer>90</answer>");
    assert(lines.length <= 24);
  });
});

Deno.test("any width and height: no line is too long, nothing scrolls away, the last view stands once", () => {
  withEnv(COLOURED, () => {
    for (const columns of [20, 40, 61, 200]) {
      for (const rows of [3, 8, 14, 50]) {
        const { screen, hooks, written } = onScreen(columns, rows);
        for (let step = 1; step <= 12; step++) hooks.onStep(scriptedStep(step, 12));
        assertEquals(screen.text.match(/sums, nano/g)?.length, 1, `${columns} x ${rows}`);
        for (const line of written().split("\n")) assert(columnsOf(line) <= columns, line);
      }
    }
  });
});

Deno.test("a terminal that becomes narrower is drawn anew without rests", () => {
  withEnv(COLOURED, () => {
    const { screen, hooks } = onScreen(100, 50);
    hooks.onStart?.({ step: 0, totalSteps: 40 });
    hooks.onStep(scriptedStep(20, 40));
    hooks.onStep(scriptedStep(21, 40));
    screen.resize(60);
    hooks.onStep(scriptedStep(22, 40));
    assertEquals(screen.text.match(/step 2\d of 40/g), ["step 22 of 40"]);
    assertEquals(screen.text.match(/sums, nano/g)?.length, 2);
  });
});

Deno.test("warnings stay above the view, Ctrl-C is answered", () => {
  withEnv(COLOURED, () => {
    const { screen, hooks, abort } = onScreen(80, 30);
    hooks.onStep(scriptedStep(1, 9));
    hooks.onWarning("90 % of the completions\x1b[2J were cut off");
    hooks.onStep(scriptedStep(2, 9));
    assertStringIncludes(
      screen.text,
      "warning: 90 % of the completions\\u001b[2J were cut off\nsums",
    );
    assertEquals(hooks.signal.aborted, false);
    abort();
    assertStringIncludes(screen.text, "Saving as of the last whole step; Ctrl-C again ends");
    assertEquals(screen.text.match(/step 2 of 9/g)?.length, 1);
  });
});

Deno.test("NO_COLOR: no style, but in place; a dumb terminal and a pipe get a line a step", () => {
  withEnv({ NO_COLOR: "1", TERM: "xterm" }, () => {
    const { hooks, written } = onScreen(80, 24);
    hooks.onStep(scriptedStep(1, 9));
    hooks.onStep(scriptedStep(2, 9));
    const letters = written().split("\x1b[").slice(1).map((code) => /[A-Za-z]/.exec(code)?.[0]);
    assert(!letters.includes("m") && letters.includes("A"));
  });
  withEnv({ NO_COLOR: undefined, TERM: "dumb" }, () => {
    const { hooks, written } = onScreen(80, 24);
    hooks.onStep(scriptedStep(1, 9));
    assert(!written().includes("\x1b"));
  });
  const { io, written } = capturedIo();
  let now = 0;
  const { hooks } = new RunWatcher("sums", io, () => (now += 2000));
  hooks.onStart?.({ step: 5, totalSteps: 9 });
  hooks.onStep(scriptedStep(6, 9));
  hooks.onWarning("too hot");
  const [first, second, third] = written.error.split("\n");
  assertEquals(first, "sums: going on after step 5 of 9");
  assert(
    /^step 6\/9 {2}reward 1\.\d+ {2}length \d.* {2}KL .* {2}cut off .* % {2}6s left$/.test(second),
    second,
  );
  assertEquals(third, "warning: too hot");
  const { reward: _, ...others } = scriptedStep(7, 9).metrics;
  hooks.onStep({ ...scriptedStep(7, 9), metrics: { ...others, "rewards/unjudged": 1 } });
  assert(/^step 7\/9 {2}reward not judged {2}length /m.test(written.error), written.error);
  hooks.onStep({ ...scriptedStep(8, 9), metrics: { loss: 0.5 } });
  assert(/^step 8\/9 {2}loss 0\.5 {2}/m.test(written.error), written.error);
});
