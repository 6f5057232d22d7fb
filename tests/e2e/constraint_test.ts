/** Constrained answers of models that think, through the library's doors: where the content begins, which tags may come, what
 * is forced at the limit. Words of a random model. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  type ChatOptions,
  type GenerationEvent,
  loadModel,
  type Model,
} from "../../packages/runtime/mod.ts";
import { BracketConstraint, type Brackets, isWhole } from "../support/bracket_constraint.ts";
import { withFolder } from "../support/edited_model.ts";
import { QWEN3_TEMPLATE, R1_TEMPLATE, writeThinkingModel } from "../support/thinking_model.ts";

const HI = [{ role: "user", content: "Hi" }];
const RANDOM = { temperature: 3, topP: 1 };
/** Ends its prompts without a thought. */
const PLAIN_TEMPLATE = R1_TEMPLATE.replace("<think>\n", "");

async function withModel(
  template: string,
  run: (model: Model) => Promise<void>,
  asText = false,
): Promise<void> {
  await withFolder(async (folder) => {
    await using model = await loadModel(await writeThinkingModel(folder, template, asText));
    await run(model);
    assertEquals(model.occupancy().running, 0);
    assertEquals(model.occupancy().usedPages, model.occupancy().keptPages);
  });
}

function bracketsOf({ tokenizer }: Model): Brackets {
  const [open, deep, item, close] = ["a", "b", "c", "d"].map((text) => tokenizer.encode(text)[0]);
  return { open, deep, item, close };
}

const idOf = (model: Model, text: string) => model.tokenizer.controlTokens.get(text) as number;

/** Ids of the whole answer, those that the constraint saw, and what was told. */
async function constrained(model: Model, options: ChatOptions) {
  const brackets = bracketsOf(model);
  const constraint = new BracketConstraint(brackets, model.config.vocabulary);
  const out = { reasoning: "", content: "" };
  const ids: number[] = [];
  let end: GenerationEvent & { type: "end" } | undefined;
  for await (const event of model.chat(HI, { ...RANDOM, ...options, constraint })) {
    if (event.type === "end") end = event;
    else {
      out[event.type] += event.text;
      ids.push(...event.ids);
    }
  }
  assert(end);
  const content = constraint.accepted;
  const { finishReason, usage } = end;
  assertEquals(usage.completionTokens, ids.length);
  assertEquals(ids.slice(ids.length - content.length), content, "the content comes last");
  assertEquals(out.content, model.tokenizer.decode(content));
  return { ...out, ids, content, whole: isWhole(content, brackets), finishReason, usage };
}

for (const asText of [false, true]) {
  Deno.test(`constraint: content begins behind the end of a thought, tags as ${asText ? "text" : "tokens"}`, () =>
    withModel(R1_TEMPLATE, async (model) => {
      const closing = model.tokenizer.encode("</think>\n\n", { special: true });
      for (const think of [0, 1, 7]) {
        const { ids, content, whole } = await constrained(model, { think, seed: 3, maxTokens: 40 });
        assertEquals(whole, true);
        assertEquals(ids.slice(think, -content.length), closing);
      }
    }, asText));

  Deno.test(`constraint: a thought is ended in time for all of the content, tags as ${asText ? "text" : "tokens"}`, () =>
    withModel(R1_TEMPLATE, async (model) => {
      const eos = [...model.tokenizer.endIds];
      const logitBias = Object.fromEntries(eos.map((id) => [id, 100]));
      const closing = model.tokenizer.encode("</think>\n\n", { special: true });
      const least = closing.length + 2;
      for (let maxTokens = least; maxTokens < least + 9; maxTokens++) {
        for (const think of [undefined, "on", 3] as const) {
          const answer = await constrained(model, { think, seed: maxTokens, maxTokens, logitBias });
          assertEquals(answer.whole, true);
          if (think !== 3) {
            const thought = maxTokens - closing.length - answer.content.length;
            assertEquals([answer.finishReason, answer.content.length], ["length", 2]);
            assertEquals(answer.ids.slice(thought, -2), closing);
          }
          assertEquals(answer.ids.some((id) => eos.includes(id)), false);
          assert(answer.ids.length <= maxTokens);
        }
      }
      const hopeless = await constrained(model, { maxTokens: least - 1, seed: 1 });
      assertEquals([hopeless.whole, hopeless.ids.length], [false, least - 1]);
    }, asText));
}

Deno.test("constraint: the token after a drawn end tag is content", () =>
  withModel(R1_TEMPLATE, async (model) => {
    const logitBias = { [idOf(model, "</think>")]: 100 };
    const { ids, content, whole, reasoning } = await constrained(model, {
      logitBias,
      maxTokens: 30,
    });
    assertEquals([ids[0], ids.length - content.length], [idOf(model, "</think>"), 1]);
    assertEquals([whole, reasoning], [true, ""]);
  }));

Deno.test("constraint: an answer may begin with the tag that opens a thought, there alone, and where thinking is not off", () =>
  withModel(PLAIN_TEMPLATE, async (model) => {
    const open = idOf(model, "<think>");
    const logitBias = { [open]: 100 };
    const thinking = await constrained(model, { logitBias, think: 4, maxTokens: 40, seed: 1 });
    assertEquals([thinking.ids[0], thinking.whole], [open, true]);
    assertEquals(thinking.usage.reasoningTokens, 6);
    const plain = await constrained(model, { maxTokens: 40, seed: 1, logitBias: { [open]: -100 } });
    assertEquals([plain.ids, plain.whole], [plain.content, true]);
    for (const more of [{ think: "off" }, { prefix: "x" }, { maxTokens: 5 }] as const) {
      const { ids, content, whole } = await constrained(model, {
        ...{ logitBias, maxTokens: 40, seed: 1, ...more },
      });
      assertEquals([ids, whole], [content, true], JSON.stringify(more));
    }
    const any = { ...new BracketConstraint(bracketsOf(model), 9), accept: () => {} };
    const free = { ...any, allowed: () => undefined, mayEnd: false, isComplete: false };
    const options = { ...RANDOM, logitBias, maxTokens: 5, think: "off" } as const;
    const text = { ...free, closing: () => [] };
    const { reasoning, ids } = await model.complete([1, 2], { ...options, constraint: text });
    assertEquals([reasoning, ids], ["", Array(5).fill(open)]);
    const first = await model.complete([1, 2], { ...options, think: "on", constraint: text });
    assertEquals(first.ids[0], open);
  }));

Deno.test("constraint: a thought that the prompt has closed is the only one", async () => {
  await withModel(R1_TEMPLATE, async (model) => {
    const promptIds = model.chatIds(HI, { think: "off" });
    const constraint = new BracketConstraint(bracketsOf(model), model.config.vocabulary);
    const logitBias = { [idOf(model, "<think>")]: 100 };
    const options = { ...RANDOM, constraint, logitBias, maxTokens: 20 };
    const { ids, reasoning } = await model.complete(promptIds, options);
    assertEquals([ids, reasoning], [constraint.accepted, ""]);
  });
  await withModel(QWEN3_TEMPLATE, async (model) => {
    const { ids, content, whole } = await constrained(model, { think: "off", maxTokens: 20 });
    assertEquals([ids, whole], [content, true]);
  });
});

Deno.test("constraint: a stop text cuts the content, and an aborted answer ends as any", () =>
  withModel(QWEN3_TEMPLATE, async (model) => {
    const constraint = new BracketConstraint(bracketsOf(model), model.config.vocabulary);
    const { text, finishReason } = await model.complete("x", {
      ...{ ...RANDOM, constraint, stop: ["d"], maxTokens: 30, think: "off" },
    });
    assertEquals([text.includes("d"), finishReason], [false, "stop"]);
    const abort = new AbortController();
    await assertRejects(
      () =>
        model.complete("x", {
          ...{ ...RANDOM, think: "off", signal: abort.signal, maxTokens: 90 },
          constraint: new BracketConstraint(bracketsOf(model), model.config.vocabulary, true),
          onText: () => abort.abort(new Error("enough")),
        }),
      Error,
      "enough",
    );
  }));

Deno.test("constraint: same request and seed, same answer, alone or among others", () =>
  withModel(QWEN3_TEMPLATE, async (model) => {
    const requests = Array.from({ length: 6 }, (_, seed) => ({ seed, maxTokens: 6 + 3 * seed }));
    const alone = [];
    for (const request of requests) alone.push(await constrained(model, request));
    const together = await Promise.all(requests.map((request) => constrained(model, request)));
    assertEquals(together.map(({ ids }) => ids), alone.map(({ ids }) => ids));
  }));
