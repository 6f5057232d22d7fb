/** The forms in which models write calls of functions: how each is written and how it is read. Streams nothing. */
import {
  type PieceText,
  type Reader,
  skipSpace,
  take,
  takeObject,
  takeString,
  takeWhile,
} from "./piece_text.ts";

/** A call as a model has written it. */
export interface WrittenCall {
  readonly name: string;
  /** JSON of an object. */
  readonly arguments: string;
}

/** One form of calls. */
export interface ToolDialect {
  readonly name: "hermes" | "deepseek-fenced" | "deepseek" | "llama";
  /** Around all calls of an answer, and between them. */
  readonly begin: string;
  readonly separator: string;
  readonly end: string;
  /** Around the arguments of a call. */
  readonly before: (name: string) => string;
  readonly after: string;
  /** Most calls of one answer. */
  readonly mostCalls: number;
  /** With one of these a call begins. */
  readonly openings: readonly string[];
  /** Whether calls stand nowhere but at the start of an answer and after one another. */
  readonly onlyAtStart: boolean;
  /** Reads a call from one of `openings` on; undefined where it is none. */
  readonly read: (source: PieceText) => Reader<WrittenCall | undefined>;
  /** What may follow a call and belongs to it, in this order. */
  readonly tail: readonly string[];
  /** With this text, which stands nowhere else, a call is over; missing: a call's end is no such text. */
  readonly closing?: string;
}

/** Nothing but a bound on what is compiled and drawn. */
const MOST_CALLS = 16;

/** Of Hermes 2 Pro, Qwen 2.5 and 3, and many others. */
export const hermes: ToolDialect = {
  name: "hermes",
  begin: "",
  separator: "\n",
  end: "",
  before: (name) => `<tool_call>\n{"name": ${JSON.stringify(name)}, "arguments": `,
  after: "}\n</tool_call>",
  mostCalls: MOST_CALLS,
  openings: ["<tool_call>"],
  onlyAtStart: false,
  read: (source) => readTagged(source, "<tool_call>", "arguments"),
  tail: ["</tool_call>"],
  closing: "</tool_call>",
};

const CALLS_BEGIN = "<｜tool▁calls▁begin｜>";
const CALL_BEGIN = "<｜tool▁call▁begin｜>";
const CALL_END = "<｜tool▁call▁end｜>";
const CALLS_END = "<｜tool▁calls▁end｜>";
const SEPARATOR = "<｜tool▁sep｜>";

/** Of DeepSeek-V3.1. */
export const deepseek: ToolDialect = {
  name: "deepseek",
  begin: CALLS_BEGIN,
  separator: "",
  end: CALLS_END,
  before: (name) => `${CALL_BEGIN}${name}${SEPARATOR}`,
  after: CALL_END,
  mostCalls: MOST_CALLS,
  openings: [CALLS_BEGIN, CALL_BEGIN],
  onlyAtStart: false,
  read: readDeepseek,
  tail: ["```", CALL_END, CALLS_END],
  closing: CALL_END,
};

/** Of DeepSeek-V3 and R1, whose arguments stand in a block of code. */
export const deepseekFenced: ToolDialect = {
  ...deepseek,
  name: "deepseek-fenced",
  separator: "\n",
  before: (name) => `${CALL_BEGIN}function${SEPARATOR}${name}\n\`\`\`json\n`,
  after: `\n\`\`\`${CALL_END}`,
};

/** Of Llama 3.1 to 3.3, which call one function at a time. */
export const llama: ToolDialect = {
  name: "llama",
  begin: "",
  separator: "; ",
  end: "",
  before: (name) => `{"name": ${JSON.stringify(name)}, "parameters": `,
  after: "}",
  mostCalls: 1,
  openings: ["<|python_tag|>", "{"],
  onlyAtStart: true,
  read: (source) => readTagged(source, "<|python_tag|>", "parameters"),
  tail: [";"],
};

/** All of them, those that others could be taken for last. */
export const dialects: readonly ToolDialect[] = [hermes, deepseekFenced, deepseek, llama];

/** The calls of an answer as the dialect writes them. */
export function writeCalls(dialect: ToolDialect, calls: readonly WrittenCall[]): string {
  const written = calls.map((call) => dialect.before(call.name) + call.arguments + dialect.after);
  return dialect.begin + written.join(dialect.separator) + dialect.end;
}

/** `{"name": .., KEY: {..}}`, maybe after a tag. */
function* readTagged(
  source: PieceText,
  tag: string,
  key: string,
): Reader<WrittenCall | undefined> {
  if (yield* take(source, tag)) yield* skipSpace(source);
  if (!(yield* take(source, "{"))) return undefined;
  const members = new Map<string, string>();
  do {
    yield* skipSpace(source);
    const name = yield* takeString(source);
    const isText = name === "name" || name === "type" || name === "id";
    if (name === undefined || !(isText || name === key) || members.has(name)) return undefined;
    yield* skipSpace(source);
    if (!(yield* take(source, ":"))) return undefined;
    yield* skipSpace(source);
    const value = yield* isText ? takeString(source) : takeObject(source);
    if (value === undefined) return undefined;
    members.set(name, value);
    yield* skipSpace(source);
  } while (yield* take(source, ","));
  const [name, text] = [members.get("name"), members.get(key)];
  if (name === undefined || text === undefined) return undefined;
  return (yield* take(source, "}")) ? { name, arguments: text } : undefined;
}

const NAME_CHARACTER = /[\w.-]/;

/** Both forms of DeepSeek: models take one for the other. */
function* readDeepseek(source: PieceText): Reader<WrittenCall | undefined> {
  if (yield* take(source, CALLS_BEGIN)) yield* skipSpace(source);
  if (!(yield* take(source, CALL_BEGIN))) return undefined;
  yield* skipSpace(source);
  const first = yield* takeWhile(source, NAME_CHARACTER);
  if (!(yield* take(source, SEPARATOR))) return undefined;
  yield* skipSpace(source);
  // V3.1 writes the name here, V3 and R1 the word "function" and the name after it
  const second = yield* takeWhile(source, NAME_CHARACTER);
  if (second !== "" && first !== "function") return undefined;
  yield* skipSpace(source);
  if (yield* take(source, "```")) {
    yield* take(source, "json");
    yield* skipSpace(source);
  }
  const text = yield* takeObject(source);
  return text === undefined ? undefined : { name: second || first, arguments: text };
}
