/** Tests of message_input.ts: messages of several lines, and the ways to leave. */
import { assertEquals } from "@std/assert";
import type { LineEvent, LineInput } from "../line_input/line_input.ts";
import { HOW_TO_LEAVE, readMessage } from "./message_input.ts";

/** A string is a line, `^C` an interrupt of an empty line, `x^C` of a line with x in it. */
function typed(...entries: readonly string[]) {
  const prompts: string[] = [];
  const notices: string[] = [];
  const events = entries.map((text): LineEvent =>
    text.endsWith("^C") ? { type: "interrupt", text: text.slice(0, -2) } : { type: "line", text }
  );
  const lines: LineInput = {
    isTerminal: true,
    read(prompt) {
      prompts.push(prompt);
      return Promise.resolve(events.shift() ?? { type: "end" });
    },
    close: () => {},
  };
  const next = () => readMessage(lines, (text) => notices.push(text));
  return { next, prompts, notices, events };
}

Deno.test("readMessage: a backslash at the end goes on, two are the text's own", async () => {
  const { next, prompts } = typed("one\\", "", "two\\", "three", "a\\\\", "\\\\\\", "b");
  assertEquals(await next(), "one\n");
  assertEquals(await next(), "two\nthree");
  assertEquals(await next(), "a\\\\");
  assertEquals(await next(), "\\\\\nb");
  assertEquals(prompts, ["> ", "… ", "> ", "… ", "> ", "> ", "… "]);
});

Deno.test("readMessage: empty lines are no messages, the end is the end, an open line is sent", async () => {
  const { next } = typed("", "  ", "hi", "open\\");
  assertEquals(await next(), "hi");
  assertEquals(await next(), "open");
  assertEquals(await next(), undefined);
});

Deno.test("readMessage: two Ctrl-C in a row leave, the first says so", async () => {
  const { next, notices, events } = typed("^C", "^C", "never");
  assertEquals(await next(), undefined);
  assertEquals([notices, events.length], [[HOW_TO_LEAVE], 1]);
});

Deno.test("readMessage: Ctrl-C clears what stands there, and only two at an empty prompt leave", async () => {
  const { next, notices } = typed("^C", "", "^C", "draft^C", "^C", "lost\\", "^C", "hi");
  assertEquals(await next(), "hi");
  assertEquals(notices, [HOW_TO_LEAVE, HOW_TO_LEAVE, HOW_TO_LEAVE]);
});
