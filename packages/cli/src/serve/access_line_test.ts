/** Tests of access_line.ts. */
import { assertEquals } from "@std/assert";
import { accessLine } from "./access_line.ts";

const ENTRY = {
  time: "2026-01-02T03:04:05.678Z",
  requestId: "req_1",
  method: "POST",
  path: "/v1/chat/completions",
  status: 200,
  durationMs: 1234.5,
};
const ANSWERED = { client: "ci", model: "tiny", promptTokens: 19, completionTokens: 10 };

Deno.test("accessLine: words for people, with what is known of the answer", () => {
  const head = "2026-01-02T03:04:05.678Z 200 POST /v1/chat/completions 1235 ms";
  assertEquals(accessLine(ENTRY, "text"), `${head} req_1`);
  assertEquals(
    accessLine({ ...ENTRY, ...ANSWERED, prompt: [{ content: "a\nb" }] }, "text"),
    `${head} tiny 19+10 tokens for ci req_1 [{"content":"a\\nb"}]`,
  );
});

Deno.test("accessLine: what a client writes makes no second line and turns no terminal", () => {
  const line = accessLine({ ...ENTRY, ...ANSWERED, model: "a\n\u001b[31mb" }, "text");
  assertEquals(line.includes("a\\n\\u001b[31mb"), true, line);
  assertEquals([line.includes("\n"), line.includes("\u001b")], [false, false]);
});

Deno.test("accessLine: JSON holds the whole entry", () => {
  const line = accessLine({ ...ENTRY, ...ANSWERED }, "json");
  assertEquals([JSON.parse(line), line.includes("\n")], [{ ...ENTRY, ...ANSWERED }, false]);
});
