/** Tests of folder_lock.ts: one process at a time, what a killed one has left, other machines. */
import { assertEquals, assertThrows } from "@std/assert";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { LOCK_FILE, lockFolder } from "./folder_lock.ts";

Deno.test("lockFolder: refuses while another process lives, takes over what a dead one has left", () => {
  const folder = mkdtempSync(join(tmpdir(), "aha-lock-"));
  const path = join(folder, LOCK_FILE);
  const left = (pid: number, host = hostname()) =>
    writeFileSync(path, JSON.stringify({ pid, host }));
  try {
    const release = lockFolder(folder);
    assertEquals(JSON.parse(readFileSync(path, "utf8")).pid, process.pid);
    release();
    assertEquals(existsSync(path), false);

    left(process.ppid);
    const told = assertThrows(() => lockFolder(folder), Error, `Process ${process.ppid} on `);
    assertEquals(told.message.includes(path), true, told.message);
    left(1, "another-machine");
    assertThrows(() => lockFolder(folder), Error, "Process 1 on another-machine is at work in");

    const { pid } = spawnSync(process.execPath, ["--version"]);
    const dead = [() => left(pid), () => left(process.pid), () => writeFileSync(path, '{"pid":')];
    for (const leave of dead) {
      leave();
      lockFolder(folder)();
      assertEquals(existsSync(path), false);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});
