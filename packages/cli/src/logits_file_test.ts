/** Tests of writing logits: the file appears whole or not at all. What it holds is tested with the command. */
import { assertEquals, assertThrows } from "@std/assert";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { withFolder } from "../../../tests/support/edited_model.ts";
import { readSafetensors } from "../../../tests/support/safetensors.ts";
import { LogitsFile, type WriteBytes } from "./logits_file.ts";

Deno.test("LogitsFile: rows appended in pieces, under its name only when finished", () =>
  withFolder((folder) => {
    const path = join(folder, "out.safetensors");
    writeFileSync(path, "old");
    {
      using file = new LogitsFile(path, [[2, 3], [1, 3], [0, 3]]);
      file.append(Float32Array.of(1, 2, 3));
      file.append(Float32Array.of(0, 4, 5, 6, 0).subarray(1, 4));
      file.append(Float32Array.of(7, 8, 9));
      assertEquals(readFileSync(path, "utf8"), "old");
      file.finish();
    }
    const tensors = [...readSafetensors(path)];
    assertEquals(tensors, [
      ["logits.0", { shape: [2, 3], values: Float32Array.of(1, 2, 3, 4, 5, 6) }],
      ["logits.1", { shape: [1, 3], values: Float32Array.of(7, 8, 9) }],
      ["logits.2", { shape: [0, 3], values: new Float32Array() }],
    ]);
    assertEquals(readdirSync(folder), ["out.safetensors"]);
  }));

Deno.test("LogitsFile: a full disk is one line, and what was written is removed", () =>
  withFolder((folder) => {
    const path = join(folder, "out.safetensors");
    let room = 300;
    const write: WriteBytes = (file, bytes, offset) => {
      const count = Math.min(room, bytes.length - offset);
      if (count === 0) throw Object.assign(new Error("ENOSPC: no space"), { code: "ENOSPC" });
      room -= count;
      return writeSync(file, bytes, offset, count);
    };
    const run = () => {
      using file = new LogitsFile(path, [[100, 10]], write);
      for (let i = 0; i < 100; i++) file.append(new Float32Array(10));
      file.finish();
    };
    const error = assertThrows(run, Error, `Cannot write ${path}: the disk is full`);
    assertEquals(error.message.includes("\n"), false);
    assertEquals(readdirSync(folder), []);
  }));

Deno.test("LogitsFile: a folder, a missing folder and a device are told apart", () =>
  withFolder((folder) => {
    assertThrows(() => new LogitsFile(folder, []), Error, "it is a folder");
    const missing = join(folder, "no", "out");
    assertThrows(() => new LogitsFile(missing, []), Error, "its folder does not exist");
    const path = join(folder, "out");
    const run = () => {
      using file = new LogitsFile(path, []);
      mkdirSync(path);
      file.finish();
    };
    assertThrows(run, Error, `Cannot write ${path}: `);
    assertEquals(readdirSync(folder), ["out"]);
    if (!existsSync("/dev/null")) return;
    using file = new LogitsFile("/dev/null", [[1, 1]]);
    file.append(Float32Array.of(1));
    file.finish();
    assertEquals(existsSync("/dev/null.part"), false);
  }));
