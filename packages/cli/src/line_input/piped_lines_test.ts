/** Tests of piped_lines.ts: lines as they are, the end, and an abort while waiting. */
import { assertEquals, assertRejects } from "@std/assert";
import { PassThrough, Readable } from "node:stream";
import { pipedLines } from "./piped_lines.ts";

Deno.test("pipedLines: each line as it is, the last one without a line break too", async () => {
  const input = Readable.from([new TextEncoder().encode("one\r\n\n t\x03wo \nthr"), "ee"]);
  const lines = pipedLines(input, new AbortController().signal);
  for (const text of ["one", "", " t\x03wo ", "three"]) {
    assertEquals(await lines.read("> "), { type: "line", text });
  }
  assertEquals(await lines.read("> "), { type: "end" });
  assertEquals(await lines.read("> "), { type: "end" });
});

Deno.test("pipedLines: an abort ends the waiting", async () => {
  const abort = new AbortController();
  const lines = pipedLines(new PassThrough(), abort.signal);
  const waiting = assertRejects(() => lines.read("> "), Error, "Interrupted");
  abort.abort(new Error("Interrupted"));
  await waiting;
  await assertRejects(() => lines.read("> "), Error, "Interrupted");
  lines.close();
});
