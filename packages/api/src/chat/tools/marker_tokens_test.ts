/** Tests that markers of calls reach the reader as text, whether a vocabulary has them as control tokens, markers or letters. */
import { assertEquals } from "@std/assert";
import { symbolsOfBytes } from "../../../../runtime/src/tokenizer/byte_symbols.ts";
import { AnswerStream } from "../../../../runtime/src/answer/answer_stream.ts";
import { createTokenizer, stringList } from "@aha/runtime/tokenizer";
import { ToolCallStream } from "./tool_call_stream.ts";
import { dialects, writeCalls } from "./tool_dialect.ts";

/** Types of a token in GGUF. */
const [NORMAL, CONTROL, USER_DEFINED] = [1, 3, 4];
const CALL = { name: "now", arguments: "{}" };
const MARKER = /<[^<>\s]+>/g;

Deno.test("markers of calls arrive as text from tokens of each type", () => {
  for (const dialect of dialects) {
    const answer = `Well ${writeCalls(dialect, [CALL])}`;
    const text = dialect.onlyAtStart ? `<|python_tag|>${answer.slice(5)}` : answer;
    const markers = [...new Set(text.match(MARKER))];
    for (const type of [CONTROL, USER_DEFINED, NORMAL]) {
      const own = type === NORMAL ? [] : markers;
      const letters = type === NORMAL ? text : text.replace(MARKER, "");
      const tokens = [...new Set(symbolsOfBytes(new TextEncoder().encode(letters))), ...own];
      const tokenizer = createTokenizer({
        ...{ model: "gpt2", pre: "smollm", tokens: stringList(tokens), merges: stringList([]) },
        types: Int32Array.from(tokens, (token) => own.includes(token) ? type : NORMAL),
      });
      const stream = new ToolCallStream(dialect, () => true);
      const pieces = new AnswerStream({ tokenizer });
      const ids = tokenizer.encode(text, { special: true });
      const events = [...ids.flatMap((id) => pieces.push(id, 0)), ...pieces.end()];
      const parts = [...events.flatMap((event) => stream.push(event.text, [])), ...stream.end()];
      const calls = parts.flatMap((part) => part.type === "call" ? [part.call] : []);
      assertEquals(calls, [CALL], `${dialect.name}, type ${type}`);
      const said = parts.flatMap((part) => part.type === "content" ? [part.text] : []).join("");
      assertEquals(said, dialect.onlyAtStart ? "" : "Well");
    }
  }
});
