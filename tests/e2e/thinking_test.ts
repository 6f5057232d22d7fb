/** Thoughts through the doors: pre-filled tags, budgets, thinking off, stop strings, the command's JSON. Words of a random model. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { type GenerateOptions, loadModel, type Model } from "../../packages/runtime/mod.ts";
import { withFolder } from "../support/edited_model.ts";
import { ahaProcess } from "../support/aha_process.ts";
import { QWEN3_TEMPLATE, R1_TEMPLATE, writeThinkingModel } from "../support/thinking_model.ts";

const HI = [{ role: "user", content: "Hi <think>" }];
const GREEDY: GenerateOptions = { temperature: 0, maxTokens: 24, ignoreEnd: true };

async function withModel(
  template: string,
  run: (model: Model, path: string) => Promise<void>,
  asText = false,
): Promise<void> {
  await withFolder(async (folder) => {
    const path = await writeThinkingModel(folder, template, asText);
    await using model = await loadModel(path);
    await run(model, path);
  });
}

const idOf = (model: Model, text: string) => model.tokenizer.controlTokens.get(text) as number;

async function chat(model: Model, options: GenerateOptions) {
  const out = {
    reasoning: "",
    content: "",
    ids: [] as number[],
    logprobs: [] as number[],
    end: "",
  };
  for await (const event of model.chat(HI, options)) {
    if (event.type === "end") out.end = event.finishReason;
    else {
      out[event.type] += event.text;
      out.ids.push(...event.ids);
      out.logprobs.push(...event.logprobs);
    }
  }
  return out;
}

Deno.test("thinking: after a pre-filled tag all is reasoning until the end tag", async () => {
  await withModel(R1_TEMPLATE, async (model) => {
    const promptIds = model.chatIds(HI);
    assertEquals(promptIds.filter((id) => id === idOf(model, "<think>")).length, 1);
    const all = await chat(model, GREEDY);
    assertEquals(all.content, "");
    assertEquals(all.reasoning, model.tokenizer.decode(all.ids).trim());
    const { text, reasoning, ids } = await model.complete(promptIds, GREEDY);
    assertEquals([text, reasoning, ids], ["", all.reasoning, all.ids]);
  });
});

for (const asText of [false, true]) {
  const how = asText ? "text" : "tokens";
  Deno.test(`thinking: a budget forces the end tag after so many tokens, tags as ${how}`, async () => {
    await withModel(R1_TEMPLATE, async (model) => {
      const free = await chat(model, GREEDY);
      const closing = model.tokenizer.encode("</think>\n\n", { special: true });
      assertEquals(closing.length < 5, !asText);
      for (const budget of [0, 1, 7]) {
        const { ids, reasoning, content, logprobs } = await chat(model, {
          ...GREEDY,
          think: budget,
        });
        assertEquals(ids.slice(0, budget + closing.length), [
          ...free.ids.slice(0, budget),
          ...closing,
        ]);
        const { tokenizer } = model;
        assertEquals(reasoning, tokenizer.decode(ids.slice(0, budget)).trim());
        assertEquals(content, tokenizer.decode(ids.slice(budget + closing.length)).trimStart());
        // forced tokens have the log-probabilities that scoring gives them
        const promptIds = model.chatIds(HI);
        const scored = await model.score([...promptIds, ...ids]);
        const error = logprobs.map((value, i) =>
          Math.abs(value - scored.logprobs[promptIds.length - 1 + i])
        );
        assert(Math.max(...error) < 1e-3, `${error}`);
      }
    }, asText);
  });
}

Deno.test("thinking off: an empty thought, or the template's own switch", async () => {
  const written = async (template: string, think?: GenerateOptions["think"]): Promise<string> => {
    let text = "";
    await withModel(template, async (model) => {
      const ids = model.chatIds(HI, { think });
      const isToken = (id: number) =>
        id === idOf(model, "<think>") || id === idOf(model, "</think>");
      assertEquals(
        ids.filter(isToken).length,
        think === "off" ? 2 : template === R1_TEMPLATE ? 1 : 0,
      );
      text = model.tokenizer.decode(ids).split("assistant")[1];
      if (think === "off") assertEquals((await chat(model, { ...GREEDY, think })).reasoning, "");
    });
    return text;
  };
  assertEquals(await written(R1_TEMPLATE), "\n<think>\n");
  assertEquals(await written(R1_TEMPLATE, "on"), "\n<think>\n");
  assertEquals(await written(R1_TEMPLATE, "off"), "\n<think>\n\n</think>\n\n");
  assertEquals(await written(QWEN3_TEMPLATE), "\n");
  assertEquals(await written(QWEN3_TEMPLATE, "on"), "\n");
  assertEquals(await written(QWEN3_TEMPLATE, "off"), "\n<think>\n\n</think>\n\n");
  const plain = R1_TEMPLATE.replace("<think>\n", "");
  assertEquals(await written(plain, "off"), "\n<think>\n\n</think>\n\n");
});

Deno.test("stop: content ends before the text, across tokens, and thoughts are not searched", async () => {
  await withModel(R1_TEMPLATE, async (model) => {
    const whole = await chat(model, { ...GREEDY, think: 4 });
    const stop = whole.content.slice(5, 9);
    const until = whole.content.slice(0, whole.content.indexOf(stop));
    const cut = await chat(model, { ...GREEDY, think: 4, stop: ["never", stop] });
    assertEquals([cut.content, cut.end], [until, "stop"]);
    assertEquals(cut.reasoning, whole.reasoning);
    assertEquals(cut.ids, whole.ids.slice(0, cut.ids.length));
    const thought = await chat(model, { ...GREEDY, stop: [whole.reasoning.slice(0, 2)] });
    assertEquals(thought.end, "length");
    await assertRejects(() => chat(model, { stop: [""] }), RangeError, "empty");
  });
});

Deno.test("aha run --think N --json: reasoning apart; a pipe gets the answer alone", async () => {
  await withModel(R1_TEMPLATE, async (model, path) => {
    const expected = await model.complete(model.chatIds(HI), {
      ...GREEDY,
      ignoreEnd: false,
      think: 4,
    });
    const words = ["run", path, HI[0].content, "--temperature", "0", "--max-tokens", "24"];
    const json = JSON.parse((await ahaProcess([...words, "--think", "4", "--json"])).out);
    assertEquals([json.text, json.reasoning], [expected.text, expected.reasoning]);
    assertEquals(json.ids, expected.ids);
    const piped = await ahaProcess([...words, "--think", "4"]);
    assertEquals(piped.out.trimEnd(), expected.text.trimEnd());
    const off = JSON.parse((await ahaProcess([...words, "--think", "off", "--json"])).out);
    assertEquals([off.reasoning, off.promptIds], ["", model.chatIds(HI, { think: "off" })]);
    const stop = JSON.parse(
      (await ahaProcess([...words, "--think", "4", "--stop", expected.text.slice(3, 5), "--json"]))
        .out,
    );
    assertEquals(stop.finishReason, "stop");
    assertEquals(expected.text.startsWith(stop.text), true);
    assert(stop.text.length <= 3);
  });
});
