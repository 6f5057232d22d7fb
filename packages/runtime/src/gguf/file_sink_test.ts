/** Tests of file_sink.ts: a file is there whole or not at all. */
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { withFolder } from "../../../../tests/support/edited_model.ts";
import { OutputError } from "../errors.ts";
import { openFileSink } from "./file_sink.ts";

Deno.test("openFileSink: the name appears with commit, in one step", () =>
  withFolder(async (folder) => {
    const path = join(folder, "out");
    const sink = await openFileSink(path);
    await sink.write(Uint8Array.of(1, 2));
    await sink.write(Uint8Array.of(3));
    assertEquals(readdirSync(folder).includes("out"), false);
    sink.commit();
    sink.abort();
    assertEquals([...readFileSync(path)], [1, 2, 3]);
    assertEquals(readdirSync(folder), ["out"]);
  }));

Deno.test("openFileSink: abort leaves nothing, and an old file as it was", () =>
  withFolder(async (folder) => {
    const path = join(folder, "out");
    writeFileSync(path, "old");
    const sink = await openFileSink(path, { overwrite: true });
    await sink.write(new Uint8Array(100));
    sink.abort();
    assertEquals(readdirSync(folder), ["out"]);
    assertEquals(readFileSync(path, "utf8"), "old");
  }));

Deno.test("openFileSink: an existing file is replaced only when asked to be", () =>
  withFolder(async (folder) => {
    const path = join(folder, "out");
    const late = await openFileSink(path, { hint: "say please" });
    writeFileSync(path, "old");
    assertThrows(() => late.commit(), OutputError, "it exists already (say please)");
    late.abort();
    await assertRejects(() => openFileSink(path), OutputError, "it exists already");
    const sink = await openFileSink(path, { overwrite: true });
    await sink.write(Uint8Array.of(65));
    sink.commit();
    assertEquals(readFileSync(path, "utf8"), "A");
    assertEquals(readdirSync(folder), ["out"]);
  }));

Deno.test("openFileSink: places that cannot be written are named", () =>
  withFolder(async (folder) => {
    const missing = join(folder, "no", "out");
    await assertRejects(
      () => openFileSink(missing),
      OutputError,
      `Cannot write ${missing}: its folder does not exist`,
    );
    const directory = join(folder, "directory");
    mkdirSync(directory);
    await assertRejects(
      () => openFileSink(directory, { overwrite: true }),
      OutputError,
      "directory",
    );
  }));

Deno.test("openFileSink: a link stays and its target is written, one that leads nowhere is refused", () =>
  withFolder(async (folder) => {
    const [target, link, lost] = ["target", "link", "lost"].map((name) => join(folder, name));
    writeFileSync(target, "old");
    symlinkSync(target, link);
    symlinkSync(join(folder, "nothing"), lost);
    const sink = await openFileSink(link, { overwrite: true });
    await sink.write(Uint8Array.of(65));
    sink.commit();
    assertEquals([readFileSync(target, "utf8"), lstatSync(link).isSymbolicLink()], ["A", true]);
    await assertRejects(() => openFileSink(link), OutputError, "it exists already");
    await assertRejects(() => openFileSink(lost), OutputError, "leads nowhere");
    assertEquals(readdirSync(folder).sort(), ["link", "lost", "target"]);
  }));
