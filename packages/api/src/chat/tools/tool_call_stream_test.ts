/** Tests of tool_call_stream.ts: every form of calls, malformed ones, each cut of the text, tokens. */
import { assertEquals } from "@std/assert";
import { seededRandom } from "../../../../../tests/support/seeded_random.ts";
import { type AnswerPart, ToolCallStream } from "./tool_call_stream.ts";
import { deepseek, deepseekFenced, hermes, llama, type ToolDialect } from "./tool_dialect.ts";

const NAMES = new Set(["now", "weather", "function"]);
const WEATHER = { name: "weather", arguments: '{"city": "a}\\"</tool_call>{[", "days": [1, {}]}' };
const NOW = { name: "now", arguments: "{}" };
type Parts = readonly (string | typeof NOW)[];

function streamOf(dialect: ToolDialect): ToolCallStream {
  return new ToolCallStream(dialect, ({ name }) => NAMES.has(name));
}

/** What comes of the text in these pieces: texts that follow each other are joined. */
function read(dialect: ToolDialect, pieces: readonly string[]): Parts {
  const stream = streamOf(dialect);
  const all = [...pieces.flatMap((piece) => stream.push(piece, [])), ...stream.end()];
  const parts: (string | typeof NOW)[] = [];
  for (const part of all) {
    const last = parts.at(-1);
    if (part.type === "call") parts.push(part.call);
    else if (typeof last === "string") parts[parts.length - 1] = last + part.text;
    else parts.push(part.text);
  }
  return parts;
}

const T = "<tool_call>";
const call = (text: string) => `${T}\n${text}\n</tool_call>`;
const weatherCall = call(`{"name": "weather", "arguments": ${WEATHER.arguments}}`);
const nowCall = call('{"name": "now", "arguments": {}}');
const [B, C, S, E, Z] = [
  "<｜tool▁calls▁begin｜>",
  "<｜tool▁call▁begin｜>",
  "<｜tool▁sep｜>",
  "<｜tool▁call▁end｜>",
  "<｜tool▁calls▁end｜>",
];
const FENCED = `${C}function${S}weather\n\`\`\`json\n${WEATHER.arguments}\n\`\`\`${E}`;
const PLAIN = `${C}weather${S}${WEATHER.arguments}${E}`;
const LLAMA = `{"name": "weather", "parameters": ${WEATHER.arguments}}`;

const CASES: readonly (readonly [ToolDialect, string, Parts])[] = [
  [hermes, "", []],
  [hermes, " Just text, a < b.\n", [" Just text, a < b.\n"]],
  [hermes, `Let me see.\n${weatherCall}`, ["Let me see.", WEATHER]],
  [hermes, `\n\n${weatherCall}\n${nowCall}\n`, [WEATHER, NOW]],
  [hermes, `${nowCall}\n\nDone. `, [NOW, "\n\nDone. "]],
  [hermes, `a${nowCall}b${nowCall} c`, ["a", NOW, "b", NOW, " c"]],
  [hermes, `${T}{"arguments":{},"name":"now"}</tool_call>`, [NOW]],
  [hermes, `${T}{"type":"function","id":"7","name":"n\\u006fw","arguments":{}}`, [NOW]],
  [hermes, `${T}{"name":"now","arguments":{}} and more`, [NOW, " and more"]],
  [hermes, `<tool_cal ${T.slice(0, -1)}`, [`<tool_cal ${T.slice(0, -1)}`]],
  [hermes, `${T}${T}\n{"name":"now","arguments":{}}`, [T, NOW]],
  [hermes, `x ${T} is a tag`, [`x ${T} is a tag`]],
  [deepseekFenced, `Text\n${B}${FENCED}\n${FENCED}${Z}`, ["Text", WEATHER, WEATHER]],
  [deepseekFenced, `${B}${PLAIN}${Z}`, [WEATHER]],
  [deepseekFenced, `${C}function${S}now\n\`\`\`\n{}\`\`\``, [NOW]],
  [deepseek, `${B}${PLAIN}${PLAIN}${Z}\nBye`, [WEATHER, WEATHER, "\nBye"]],
  [deepseek, `${B}\n${C}function${S}{}${E}${Z}`, [{ ...NOW, name: "function" }]],
  [deepseek, `${B}${C}other${S}{}${E}${PLAIN}${Z}`, [`${B}${C}other${S}{}${E}`, WEATHER]],
  [deepseek, `${PLAIN} and ${B}${PLAIN}${Z}`, [WEATHER, " and", WEATHER]],
  [llama, ` ${LLAMA}`, [WEATHER]],
  [llama, `<|python_tag|>${LLAMA}; ${LLAMA}\n`, [WEATHER, WEATHER]],
  [llama, `Here: ${LLAMA}`, [`Here: ${LLAMA}`]],
  [llama, '{"answer": 42}', ['{"answer": 42}']],
  [llama, '<|python_tag|>print("x")', ['<|python_tag|>print("x")']],
];

/** Texts that are no calls, whatever they look like. */
const MALFORMED: readonly (readonly [ToolDialect, string])[] = [
  [hermes, call("{'name': 'now', 'arguments': {}}")],
  [hermes, call('{"name": "now", "arguments": {bad}}')],
  [hermes, call('{"name": "now", "arguments": {"a": }}')],
  [hermes, call('{"name": "now", "arguments": "{}"}')],
  [hermes, call('{"name": "now", "arguments": [1]}')],
  [hermes, call('{"name": "now", "arguments": null}')],
  [hermes, call('{"name": "now"}')],
  [hermes, call('{"name": "now", "arguments": {}, "arguments": {}}')],
  [hermes, call('{"name": "now", "arguments": {}, "more": 1}')],
  [hermes, call('{"name": "unknown", "arguments": {}}')],
  [hermes, call('{"name": 7, "arguments": {}}')],
  [hermes, call('{"arguments": {}}')],
  [hermes, call("[]")],
  [hermes, `${T}{"name": "now", "arguments": {"a": "cut`],
  [hermes, `${T}{"name": "now", "arguments": {"a": "cut\\`],
  [hermes, `${T}{"name": "now", "arguments": {}`],
  [deepseekFenced, `${B}${C}function${S}now\n\`\`\`json\n[]\n\`\`\`${E}${Z}`],
  [deepseekFenced, `${B}${C}tool${S}now\n{}${E}${Z}`],
  [deepseek, `${B}${C}now{}${E}${Z}`],
  [deepseek, `${B}text${Z}`],
  [llama, '{"name": "now", "arguments": {}}'],
  [llama, '{"name": "unknown", "parameters": {}}'],
  [llama, '{"name": "now", "parameters": {"a": 1}'],
];

const ALL = [
  ...CASES,
  ...MALFORMED.map(([dialect, text]) => [dialect, text, [text]] as const),
  ...MALFORMED.filter(([dialect]) => dialect === hermes).map(([dialect, text]) =>
    [dialect, `a ${text} ${nowCall}`, [`a ${text}`, NOW]] as const
  ).filter(([, text]) => !text.includes("cut")),
];

Deno.test("ToolCallStream: calls and text in every form, malformed calls stay text", () => {
  for (const [dialect, text, parts] of ALL) {
    assertEquals(read(dialect, [text]), parts, `${dialect.name}: ${text}`);
  }
});

Deno.test("ToolCallStream: parts do not depend on cuts: each character, each place, at random", () => {
  const random = seededRandom(7);
  for (const [dialect, text, parts] of ALL) {
    const same = (pieces: readonly string[]) =>
      assertEquals(read(dialect, pieces), parts, JSON.stringify(pieces));
    same([...text]);
    for (let at = 0; at <= text.length; at++) same([text.slice(0, at), text.slice(at)]);
    for (let round = 0; round < 20; round++) {
      const pieces: string[] = [];
      for (let at = 0; at < text.length;) {
        const end = at + 1 + random(9);
        pieces.push(text.slice(at, end));
        at = end;
      }
      same(pieces);
    }
  }
});

/** The number of characters after which the first part of this type is told. */
function toldAfter(dialect: ToolDialect, text: string, type: AnswerPart["type"]): number {
  const stream = streamOf(dialect);
  return [...text].findIndex((character) =>
    stream.push(character, []).some((part) => part.type === type)
  ) + 1;
}

Deno.test("ToolCallStream: nothing is held longer than it must", () => {
  assertEquals(toldAfter(hermes, "Hello", "content"), 1);
  assertEquals(toldAfter(hermes, "<tool_cax", "content"), "<tool_cax".length);
  assertEquals(toldAfter(hermes, `${T} <`, "content"), `${T} <`.length);
  assertEquals(toldAfter(hermes, `${T}{"nome": 1`, "content"), `${T}{"nome"`.length);
  assertEquals(toldAfter(hermes, nowCall, "call"), nowCall.indexOf("\n</tool_call>"));
  assertEquals(toldAfter(deepseekFenced, FENCED, "call"), FENCED.indexOf("\n```<"));
  assertEquals(toldAfter(llama, LLAMA, "call"), LLAMA.length);
  assertEquals(toldAfter(llama, '{"answer"', "content"), '{"answer"'.length);
});

Deno.test("ToolCallStream: tokens go with the text that begins in them, those of calls are dropped", () => {
  const stream = streamOf(hermes);
  const texts = ["Hé", "llo", " <to", "ol_call>", '{"name":"now",', '"arguments":{}}'];
  texts.push("", "</tool_", "call>\n", " Bye", "", "!");
  const parts = texts.flatMap((text, id) =>
    stream.push(text, [{ id, bytes: new Uint8Array(), logprob: -id }])
  );
  const told = [...parts, ...stream.end()].map((part) =>
    part.type === "call" ? part.call.name : [part.text, part.tokens.map(({ id }) => id)]
  );
  assertEquals(told, [["Hé", [0]], ["llo", [1]], "now", ["\n Bye", [9]], ["!", [10, 11]]]);
});

Deno.test("ToolCallStream: pieces that come as one have the same tokens, each where its text begins", () => {
  const texts = [
    "Hé",
    "llo",
    " <to",
    "ol_call>",
    '{"name":"now","arguments":{}}',
    "</tool_call>\n",
  ];
  texts.push(" B", "", "ye");
  let at = 0;
  const tokens = texts.map((text, id) => {
    const token = { id, bytes: new Uint8Array(), logprob: -id, at };
    at += text.length;
    return token;
  });
  const stream = streamOf(hermes);
  const told = [...stream.push(texts.join(""), tokens), ...stream.end()].map((part) =>
    part.type === "call"
      ? part.call.name
      : [part.text, part.tokens.map(({ id, at = 0 }) => [id, at])]
  );
  assertEquals(told, [["Héllo", [[0, 0], [1, 2]]], "now", ["\n Bye", [[6, 1], [7, 3], [8, 3]]]]);
});

Deno.test("ToolCallStream: without calls every token is told once and in order", () => {
  const stream = streamOf(hermes);
  const texts = ["", "a ", "<tool", "_call>", "x", "\n", "", " ", ""];
  const token = { bytes: new Uint8Array(), logprob: 0 };
  const parts = texts.flatMap((text, id) => stream.push(text, [{ ...token, id }]));
  const told = [...parts, ...stream.end()].flatMap((part) =>
    part.type === "content" ? part.tokens.map(({ id }) => id) : []
  );
  assertEquals(told, texts.map((_, id) => id));
});

Deno.test("ToolCallStream: long answers and deep arguments are read whole", () => {
  const stream = streamOf(hermes);
  const piece = "some text < and more ";
  let length = 0;
  for (let i = 0; i < 50_000; i++) {
    for (const part of stream.push(piece, [])) {
      if (part.type === "content") length += part.text.length;
    }
  }
  assertEquals(length >= 50_000 * piece.length - 2, true);
  const deep = `{"a":${"[".repeat(20_000)}${"]".repeat(20_000)}}`;
  const [found] = read(hermes, [...`${T}{"name":"now","arguments":${deep}}`]);
  assertEquals(found, { name: "now", arguments: deep });
});
