/** Tests of line_editor.ts over streams that stand for a terminal: editing, history, what is typed ahead, Ctrl-C and Ctrl-D. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { PassThrough } from "node:stream";
import { LineEditor, type TerminalKeys } from "./line_editor.ts";
import type { LineInputOptions } from "./line_input.ts";

function terminal(options?: LineInputOptions) {
  const input = new PassThrough() as TerminalKeys & PassThrough;
  const modes: boolean[] = [];
  input.setRawMode = (isRaw) => modes.push(isRaw);
  const output = new PassThrough();
  const shown = { text: "" };
  output.on("data", (chunk) => shown.text += chunk);
  const editor = new LineEditor(input, output, options);
  /** Types into a line that is being read. */
  const enter = (keys: string) => {
    const event = editor.read("> ");
    input.write(keys);
    return event;
  };
  return { input, editor, shown, modes, enter };
}

const turn = () => new Promise((resolve) => setTimeout(resolve));
const line = (text: string) => ({ type: "line" as const, text });

Deno.test("LineEditor.read: lines are edited and remembered, and the terminal is given back", async () => {
  const { enter, editor, shown, modes } = terminal();
  assertEquals(await enter("helo\x1b[Dl\r"), line("hello"));
  assertEquals(await enter("x\x7fagain\r"), line("again"));
  assertEquals(await enter("\x1b[A\x1b[A!\r"), line("hello!"));
  assertStringIncludes(shown.text, "> ");
  const left = editor.read("> ");
  editor.close();
  assertEquals(await left, { type: "end" });
  assertEquals(modes, [true, false]);
});

Deno.test("LineEditor.read: Tab completes one of the words", async () => {
  const { enter, editor, input } = terminal({ words: ["/help", "/reset"] });
  const event = enter("/re");
  await turn();
  input.write("\t");
  await turn();
  input.write("\r");
  assertEquals(await event, line("/reset"));
  editor.close();
});

Deno.test("LineEditor.read: several lines in one go come one by one, a paste comes whole", async () => {
  const { enter, editor } = terminal();
  assertEquals(await enter("one\rtwo\rthr"), line("one"));
  assertEquals(await editor.read("> "), line("two"));
  assertEquals(await enter("ee\r"), line("three"));
  assertEquals(await enter("\x1b[200~a\rb\x1b[201~c\r"), line("a\nbc"));
  editor.close();
});

Deno.test("LineEditor: what is typed while nobody reads is kept and not shown, Ctrl-C drops it", async () => {
  let interrupts = 0;
  const { editor, input, shown } = terminal({ onInterrupt: () => interrupts++ });
  input.write("ahe");
  input.write("ad\r");
  await turn();
  assertEquals(shown.text, "");
  assertEquals(await editor.read("> "), line("ahead"));
  input.write("lost\r");
  input.write("\x03");
  await turn();
  assertEquals(interrupts, 1);
  const next = editor.read("> ");
  input.write("kept\r");
  assertEquals(await next, line("kept"));
  editor.close();
});

Deno.test("LineEditor: Ctrl-C clears the line, Ctrl-D in an empty one ends", async () => {
  const { enter, editor } = terminal();
  assertEquals(await enter("draft\x03"), { type: "interrupt", text: "draft" });
  assertEquals(await enter("\x03"), { type: "interrupt", text: "" });
  assertEquals(await enter("ab\x04c\r"), line("abc"));
  assertEquals(await enter("\x04"), { type: "end" });
  assertEquals(await editor.read("> "), { type: "end" });
});

Deno.test("LineEditor: a terminal that goes away ends the input", async () => {
  const { editor, input } = terminal();
  const event = editor.read("> ");
  input.end();
  assertEquals(await event, { type: "end" });
});
