/** Tests of run_lock.ts: who runs in a folder keeps others out, who has ended does not. */
import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import process from "node:process";
import { LOCK_FILE, RunLock } from "./run_lock.ts";

function inFolder(run: (folder: string) => Promise<void> | void): () => Promise<void> {
  return async () => {
    const folder = mkdtempSync(join(tmpdir(), "aha-lock-"));
    try {
      await run(folder);
    } finally {
      rmSync(folder, { recursive: true });
    }
  };
}

Deno.test(
  "run lock: one at a time, by whichever path, then the next",
  inFolder((folder) => {
    const first = new RunLock(folder);
    const error = assertThrows(() => new RunLock(`${folder}/../${basename(folder)}`));
    assertStringIncludes((error as Error).message, `process ${process.pid} runs there`);
    first[Symbol.dispose]();
    assertEquals(existsSync(join(folder, LOCK_FILE)), false);
    new RunLock(folder)[Symbol.dispose]();
  }),
);

Deno.test(
  "run lock: another process keeps its folder while it lives, and loses it when it is killed",
  inFolder(async (folder) => {
    const place = JSON.stringify(new URL("./run_lock.ts", import.meta.url).href);
    const program = `import { RunLock } from ${place};
      new RunLock(${JSON.stringify(folder)});
      console.log("there");
      setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ["eval", "--no-check", program], {
      cwd: import.meta.dirname,
      stdio: ["ignore", "pipe", "inherit"],
    });
    const ended = once(child, "close");
    try {
      await once(child.stdout, "data");
      assertThrows(() => new RunLock(folder), Error, `process ${child.pid} runs there`);
    } finally {
      child.kill("SIGKILL");
      await ended;
    }
    assertEquals(JSON.parse(readFileSync(join(folder, LOCK_FILE), "utf8")).pid, child.pid);
    new RunLock(folder)[Symbol.dispose]();
  }),
);

Deno.test(
  "run lock: a number that belongs to another process since, and half a file, keep nobody out",
  inFolder((folder) => {
    const { pid, ppid } = process;
    for (const text of [`{"pid":${pid},"began":"1"}`, `{"pid":${ppid},"began":"1"}`, "{", ""]) {
      writeFileSync(join(folder, LOCK_FILE), text);
      new RunLock(folder)[Symbol.dispose]();
    }
    writeFileSync(join(folder, LOCK_FILE), `{"pid":${ppid}}`);
    assertThrows(() => new RunLock(folder), Error, `process ${ppid} runs there`);
  }),
);
