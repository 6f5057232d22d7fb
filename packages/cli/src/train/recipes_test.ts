/** Tests of recipes.ts: a recipe by the command line, stopped and gone on with, its files, what cannot be. Teaches nothing. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { capturedIo } from "../../../../tests/support/captured_io.ts";
import { main } from "../cli.ts";
import { registeredCommands } from "../registry.ts";

/** A base of two steps, hardly measured. */
const SMALL = ["pretrain.steps=2", "pretrain.completionLossLimit=99", "evaluation.problems=2"]
  .concat("evaluation.samples=2").flatMap((setting) => ["--set", setting]);

async function pretrain(out: string, signal: AbortSignal, ...more: string[]) {
  const { io, written } = capturedIo();
  const words = ["train", "pretrain", "--preset", "ci", "--out", out, ...SMALL, ...more];
  const code = await main(words, { ...io, signal }, registeredCommands);
  return { code, ...written };
}

Deno.test("recipes: stopped before its first stage is done it names no report; gone on with, it does", async () => {
  const folder = mkdtempSync(join(tmpdir(), "aha-recipe-"));
  const out = join(folder, "run");
  const { signal } = new AbortController();
  try {
    const stopped = await pretrain(out, AbortSignal.abort());
    assertEquals(stopped.code, 130, stopped.error);
    assertStringIncludes(stopped.error, "--resume goes on from here");
    assertEquals(stopped.out.includes("report.html"), false, stopped.out);
    const done = await pretrain(out, signal, "--resume");
    assertEquals(done.code, 0, done.error);
    assertStringIncludes(done.out, `report     ${out}/report.html`);
    assertEquals(existsSync(join(out, "report.html")), true);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

Deno.test("recipes: what cannot be is one line", async () => {
  const folder = mkdtempSync(join(tmpdir(), "aha-recipe-"));
  const { signal } = new AbortController();
  try {
    const file = join(folder, "file");
    writeFileSync(file, "");
    const cases: [string, string[], string][] = [
      [file, [], `Cannot make the folder ${file}: there is a file of that name`],
      [folder, ["--set", "r1_zero.tasks.FOO=1"], "r1_zero.tasks: FOO is no nano task"],
      [folder, ["--set", "levels.CHAIN6=[3]"], "levels of CHAIN6 are [3], there are 6"],
    ];
    for (const [out, more, message] of cases) {
      const { code, error } = await pretrain(out, signal, ...more);
      assertEquals(code, 1, error);
      assertStringIncludes(error, message);
      assertEquals(error.trimEnd().split("\n").length, 1, error);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});
