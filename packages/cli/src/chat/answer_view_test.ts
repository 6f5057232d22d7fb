/** Tests of answer_view.ts: what a person and what a script see of an answer, whole or cut. */
import { assertEquals, assertRejects } from "@std/assert";
import process from "node:process";
import type { EndEvent, GenerationEvent } from "@aha/runtime";
import { capturedIo } from "../../../../tests/support/captured_io.ts";
import { showEvents } from "./answer_view.ts";

const END = { type: "end", finishReason: "stop" } as EndEvent;

function piece(type: "reasoning" | "content", text: string, tokens = 1): GenerationEvent {
  return { type, text, ids: Array(tokens).fill(7), logprobs: Array(tokens).fill(-1) };
}

async function* stream(events: readonly (GenerationEvent | Error | "wait")[]) {
  for (const event of events) {
    if (event === "wait") await new Promise((resolve) => setTimeout(resolve, 5));
    else if (event instanceof Error) throw event;
    else yield event;
  }
}

const THOUGHT = [
  piece("reasoning", "hm\x1b"),
  piece("reasoning", ", so"),
  piece("reasoning", ""),
  piece("content", ""),
];

/** `plain`: without styles. */
async function shown(
  events: readonly (GenerationEvent | Error | "wait")[],
  outIsTerminal: boolean,
  { calmMs = 60_000, plain = true } = {},
): Promise<string> {
  const { io, written } = capturedIo();
  const before = { NO_COLOR: process.env.NO_COLOR, TERM: process.env.TERM };
  Object.assign(process.env, { NO_COLOR: plain ? "1" : "", TERM: "xterm" });
  try {
    await showEvents(stream(events), { ...io, outIsTerminal }, { calmMs });
  } catch (error) {
    written.out += `<${(error as Error).message}>`;
  } finally {
    for (const [name, value] of Object.entries(before)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
  return written.out;
}

Deno.test("showEvents: a thought is dim and counted, then comes the answer", async () => {
  const events = [...THOUGHT, piece("content", "Yes\x07"), piece("content", "."), END];
  assertEquals(
    await shown(events, true, { plain: false }),
    "\x1b[2mhm\\u001b\x1b[22m\x1b[2m, so\x1b[22m\n\x1b[2m· thought for 3 tokens\x1b[22m\n\n" +
      "Yes\\u0007.\n",
  );
  assertEquals(
    await shown(events, true),
    "hm\\u001b, so\n· thought for 3 tokens\n\nYes\\u0007.\n",
  );
});

Deno.test("showEvents: a pipe gets the answer alone and as it is, and a line break", async () => {
  assertEquals(await shown([...THOUGHT, piece("content", "Yes\x07"), END], false), "Yes\x07\n");
  assertEquals(await shown([piece("content", "Yes\n"), END], false), "Yes\n");
  assertEquals(await shown([piece("content", ""), END], false), "");
});

Deno.test("showEvents: what is cut ends its line, a thought with its count", async () => {
  const stop = new Error("Stopped");
  assertEquals(await shown([piece("content", "Ye"), stop], true), "Ye\n<Stopped>");
  assertEquals(
    await shown([piece("reasoning", "a"), stop], true),
    "a\n· thought for 1 token\n\n<Stopped>",
  );
  assertEquals(await shown([stop], true), "<Stopped>");
  assertEquals(await shown([piece("content", "Ye"), stop], false), "Ye\n<Stopped>");
});

Deno.test("showEvents: an empty thought is none", async () => {
  const events = [piece("reasoning", "", 2), piece("content", "Yes"), END];
  assertEquals(await shown(events, true), "Yes\n");
});

Deno.test("showEvents: a terminal that waits says so and takes it back, a pipe says nothing", async () => {
  const waiting = "reading the conversation …\r\x1b[K";
  const late = ["wait", piece("content", "Yes"), END] as const;
  assertEquals(await shown(late, true, { calmMs: 0 }), `${waiting}Yes\n`);
  assertEquals(await shown(["wait", new Error("no")], true, { calmMs: 0 }), `${waiting}<no>`);
  assertEquals(await shown(late, false, { calmMs: 0 }), "Yes\n");
});

Deno.test("showEvents: the end event is the result, errors are thrown on", async () => {
  const { io } = capturedIo();
  assertEquals(await showEvents(stream([piece("content", "a"), END]), io), END);
  await assertRejects(() => showEvents(stream([new Error("bad")]), io), Error, "bad");
});
