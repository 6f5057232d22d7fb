/** Checked drafts through the doors: events, stop strings, thinking budgets and the command's figures are those without. Words of a random model. */
import { assert, assertEquals } from "@std/assert";
import {
  type GenerateOptions,
  type GenerationEvent,
  loadModel,
  type Model,
} from "../../packages/runtime/mod.ts";
import { runAha } from "../support/captured_io.ts";
import { withFolder } from "../support/edited_model.ts";
import { fixturePath } from "../support/fixture.ts";
import { R1_TEMPLATE, writeThinkingModel } from "../support/thinking_model.ts";

const MODEL = fixturePath("models/qwen2/gguf/model-Q8_0.gguf");
const MESSAGES = [{ role: "user", content: "a b c a b c a b" }];
/** Letters and a space: so few that pairs come again. */
const LETTERS = ["a", "b", "c", " "];

function fewTokens(model: Model): Record<number, number> {
  return Object.fromEntries(LETTERS.map((letter) => [model.tokenizer.encode(letter)[0], 60]));
}

/** All events but for times; and how many drafts were right. */
async function eventsOf(model: Model, options: GenerateOptions) {
  const events: unknown[] = [];
  let accepted = 0;
  for await (const event of model.chat(MESSAGES, { reusePrefix: false, ...options })) {
    if (event.type === "end") accepted = event.timings.acceptedTokens;
    events.push(event.type === "end" ? { ...event, timings: undefined } : event);
  }
  return { events: events as GenerationEvent[], accepted };
}

async function checkSame(model: Model, options: GenerateOptions): Promise<number> {
  const plain = await eventsOf(model, { ...options, speculation: "off" });
  const drafted = await eventsOf(model, options);
  assertEquals(drafted.events, plain.events);
  assertEquals(plain.accepted, 0);
  return drafted.accepted;
}

Deno.test("speculation: the events are the same, wherever a stop string ends the answer", async () => {
  await using model = await loadModel(MODEL);
  const options = {
    ...{ temperature: 2, seed: 3, maxTokens: 80, topLogprobs: 2 },
    ...{ logitBias: fewTokens(model), ignoreEnd: true },
  };
  assert(await checkSame(model, options) > 5);
  const { text } = await model.complete(model.chatIds(MESSAGES), options);
  let ended = 0;
  for (let at = 5; at < 60; at += 5) {
    const stop = [text.slice(at, at + 4)];
    await checkSame(model, { ...options, stop });
    const { text: stopped, finishReason } = await model.complete(model.chatIds(MESSAGES), {
      ...options,
      stop,
    });
    if (stopped === text.slice(0, text.indexOf(stop[0])) && finishReason === "stop") ended++;
  }
  assertEquals(ended, 11);
});

Deno.test("speculation: a thinking budget forces its end tag at the same token", async () => {
  await withFolder(async (folder) => {
    await using model = await loadModel(await writeThinkingModel(folder, R1_TEMPLATE));
    const options = {
      ...{ temperature: 2, seed: 5, maxTokens: 60, topLogprobs: 1 },
      ...{ logitBias: fewTokens(model), ignoreEnd: true },
    };
    let accepted = 0;
    for (let think = 0; think < 30; think++) {
      accepted += await checkSame(model, { ...options, think });
    }
    assert(accepted > 100, `${accepted}`);
  });
});

Deno.test("aha run --speculate off: the same answer without drafts", async () => {
  const words = [
    "run",
    MODEL,
    "a b a b a b a",
    "--raw",
    "--temperature",
    "0",
    "--max-tokens",
    "40",
  ];
  const jsonOf = async (...more: string[]) => {
    const { code, out } = await runAha([...words, "--ignore-eos", "--json", ...more]);
    assertEquals(code, 0);
    return JSON.parse(out);
  };
  const [auto, off] = [await jsonOf(), await jsonOf("--speculate", "off")];
  assertEquals(auto.ids, off.ids);
  assert(auto.timings.draftedTokens > 0);
  assertEquals([off.timings.draftedTokens, off.timings.acceptedTokens], [0, 0]);
  const wrong = await runAha([...words, "--speculate", "on"]);
  assertEquals(wrong.code, 2);
});
