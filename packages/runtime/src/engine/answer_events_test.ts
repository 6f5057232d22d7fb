/** Tests of answer_events.ts with a scheduler that draws what a test has written down; with models: tests/e2e. */
import { assertEquals } from "@std/assert";
import { tokenizerWith } from "../../../../tests/support/tag_tokenizer.ts";
import type { TokenConstraint } from "../events.ts";
import type { Draw } from "../ops.ts";
import { answerEvents } from "./answer_events.ts";
import type { Scheduler } from "./scheduler.ts";

/** Draws the ids in order, or what is forced. */
function scripted(ids: readonly number[], vocabulary: number): Scheduler {
  const rest = [...ids];
  const running = { ids: [], reusedTokens: 0 };
  return {
    decoder: { contextTokens: 99, checkIds: () => {}, model: { config: { vocabulary } } },
    open: () => running,
    close: () => {},
    advance: (_running: unknown, _ids: unknown, { forced }: Draw) =>
      Promise.resolve({ id: forced ?? rest.shift(), logprob: -1 }),
  } as unknown as Scheduler;
}

Deno.test("answerEvents: under a constraint what follows a tag of text in its own token is no content", async () => {
  const tokenizer = tokenizerWith(["hm</thin", "k>x", "y"], 1, "<think>");
  const [hm, tag] = ["hm</thin", "k>x"].map((text) => {
    const ids = Array.from({ length: tokenizer.vocabularySize }, (_, id) => id);
    return ids.find((id) => tokenizer.tokenText(id) === text) as number;
  });
  const content = tokenizer.encode("ab");
  const accepted: number[] = [];
  const constraint: TokenConstraint = {
    ...{ allowed: () => undefined, mayEnd: false, closing: () => [] },
    accept: (id) => void accepted.push(id),
    get isComplete() {
      return accepted.length === 2;
    },
  };
  const told = async (constrained: boolean) => {
    const scheduler = scripted([hm, tag, ...content], tokenizer.vocabularySize);
    const options = { maxTokens: 4, ...(constrained ? { constraint } : {}) };
    const texts = { reasoning: "", content: "" };
    const source = { scheduler, tokenizer, defaults: {} };
    for await (const event of answerEvents(source, tokenizer.encode("<think>"), options)) {
      if (event.type !== "end") texts[event.type] += event.text;
    }
    return texts;
  };
  assertEquals(await told(false), { reasoning: "hm", content: "xab" });
  assertEquals(await told(true), { reasoning: "hm", content: "ab" });
  assertEquals(accepted, content);
});
