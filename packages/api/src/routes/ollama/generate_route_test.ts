/** Tests of /api/generate on the wire. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { changedModel } from "../../../../../tests/support/changed_model.ts";
import {
  keysOf,
  linesOf,
  OLLAMA_FIELDS as FIELDS,
} from "../../../../../tests/support/ollama_fields.ts";
import { scriptedApp } from "../../../../../tests/support/scripted_app.ts";

const SCRIPT = { reasoning: ["Hm"], content: ["Hello", " you"] };
/** The scripted model's tokens are bytes, and those of its answers their lengths. */
const ANSWER_IDS = [2, 5, 4];
const bytes = (text: string) => [...new TextEncoder().encode(text)];
const templated = (...messages: object[]) => bytes(JSON.stringify(messages));

type App = ReturnType<typeof scriptedApp>;

async function generate(app: App, body: object): Promise<Record<string, unknown>[]> {
  const response = await app.post("/api/generate", { model: "scripted", prompt: "Hi", ...body });
  const text = await response.text();
  assertEquals(response.status, 200, text);
  return linesOf(text);
}

Deno.test("generate: a stream and a whole answer, with exact fields", async () => {
  const app = scriptedApp(SCRIPT);
  const lines = await generate(app, {});
  const last = lines.pop()!;
  assertEquals(lines.map(({ response, thinking }) => [response, thinking]), [
    ...[["", "Hm"], ["Hello", undefined], [" you", undefined]],
  ]);
  assertEquals(keysOf(lines[0]), [...FIELDS.generateLine, "thinking"].sort());
  assertEquals(keysOf(lines[1]), [...FIELDS.generateLine].sort());
  assertEquals(keysOf(last), [...FIELDS.generateEnd].sort());
  assertEquals([last.response, last.done, last.done_reason], ["", true, "stop"]);
  const [whole] = await generate(app, { stream: false });
  assertEquals(keysOf(whole), [...FIELDS.generateEnd, "thinking"].sort());
  assertEquals([whole.response, whole.thinking], ["Hello you", "Hm"]);
});

Deno.test("generate: a prompt is a user's message after the system's", async () => {
  const app = scriptedApp(SCRIPT);
  const [{ context }] = await generate(app, {
    ...{ system: "Be brief.", format: "json", stream: false, think: false },
    options: { temperature: 0 },
  });
  const { prompt, options, constraint } = app.engine.requests[0];
  assert(prompt.kind === "chat");
  const messages = [{ role: "system", content: "Be brief." }, { role: "user", content: "Hi" }];
  assertEquals(prompt.messages.map(({ role, content }) => ({ role, content })), messages);
  assertEquals([options.temperature, constraint, prompt.think], [0, { kind: "json" }, "off"]);
  assertEquals(context, [...templated(...messages), ...ANSWER_IDS]);
});

Deno.test("generate: context goes before the prompt and grows", async () => {
  const app = scriptedApp(SCRIPT);
  const [first] = await generate(app, { stream: false });
  const context = first.context as number[];
  const lines = await generate(app, { context, think: "low", format: { type: "object" } });
  const { prompt, options, constraint } = app.engine.requests[1];
  const ids = [...context, ...templated({ role: "user", content: "Hi" })];
  assertEquals(prompt, { kind: "ids", ids });
  assertEquals([options.think, constraint], [512, {
    kind: "schema",
    schema: { type: "object" },
    field: "format",
  }]);
  assertEquals(lines.at(-1)?.context, [...ids, ...ANSWER_IDS]);
  const unknown = await app.post("/api/generate", {
    model: "scripted",
    prompt: "Hi",
    context: [256],
  });
  assertEquals(unknown.status, 400);
  assertStringIncludes((await unknown.json()).error, "outside the vocabulary of 256");
});

Deno.test("generate: BOS comes once, where the model has one", async () => {
  const bos = 1;
  const tokenize = (text: string, { addBos = false } = {}) =>
    Promise.resolve([...(addBos ? [bos] : []), ...bytes(text.replace("<s>", "\x01"))]);
  const applyTemplate = () => Promise.resolve("<s>Q");
  const app = scriptedApp(SCRIPT, {}, changedModel(() => ({ tokenize, applyTemplate })));
  const fed = async (body: object) => {
    await generate(app, body);
    const { prompt } = app.engine.requests.at(-1)!;
    return prompt.kind === "ids" ? prompt.ids : prompt;
  };
  assertEquals(await fed({ raw: true, prompt: "Hi" }), [bos, ...bytes("Hi")]);
  assertEquals(await fed({ raw: true, prompt: "<s>Hi" }), [bos, ...bytes("Hi")]);
  assertEquals(await fed({ context: [bos, 7] }), [bos, 7, ...bytes("Q")]);
});

Deno.test("generate: raw prompts go to no template and give no context", async () => {
  const app = scriptedApp(SCRIPT);
  const lines = await generate(app, { raw: true, options: { num_predict: 4 } });
  const [{ prompt, options }] = app.engine.requests;
  assertEquals(prompt, { kind: "ids", ids: bytes("Hi") });
  assertEquals(options.maxTokens, 4);
  const fields = FIELDS.generateEnd.filter((field) => field !== "context");
  assertEquals(keysOf(lines.at(-1)), [...fields].sort());
});

Deno.test("generate: without a prompt the model is loaded, or unloaded", async () => {
  const unloaded: string[] = [];
  const unload = (name: string) => Promise.resolve(void unloaded.push(name));
  const app = scriptedApp(SCRIPT, {}, () => ({ unload }));
  const fields = ["model", "created_at", "response", "done", "done_reason"].sort();
  for (const [keep_alive, reason] of [[undefined, "load"], ["5m", "load"], ["0s", "unload"]]) {
    const [line, ...more] = await generate(app, { prompt: "", keep_alive });
    assertEquals([keysOf(line), line.done_reason, more.length], [fields, reason, 0]);
  }
  assertEquals(unloaded, ["scripted"]);
  assertEquals([app.engine.open, app.engine.requests.length], [0, 0]);
});

Deno.test("generate: what is not taken is refused in a sentence; clients' empty fields are not", async () => {
  const app = scriptedApp(SCRIPT);
  const empty = { suffix: "", template: "", system: "", images: [], context: [], format: "" };
  assertEquals((await generate(app, { ...empty, stream: false }))[0].response, "Hello you");
  const refused: readonly (readonly [object, number, string])[] = [
    [{ suffix: "}" }, 400, "suffix is not taken"],
    [{ template: "{{ .Prompt }}" }, 400, "template is not taken"],
    [{ images: ["iVBO"] }, 400, "Images are not taken"],
    [{ raw: true, system: "Be brief." }, 400, "raw prompt"],
    [{ raw: true, context: [1] }, 400, "raw prompt"],
    [{ context: ["1"] }, 400, "context[0] must be"],
    [{ prompt: ["Hi"] }, 400, "prompt must be a string"],
  ];
  for (const [body, status, sentence] of refused) {
    const response = await app.post("/api/generate", { model: "scripted", prompt: "Hi", ...body });
    const answer = await response.json();
    assertEquals([response.status, keysOf(answer)], [status, ["error"]]);
    assertStringIncludes(answer.error, sentence);
  }
});

Deno.test("generate: a reader that leaves a continued prompt gives the place back", async () => {
  const app = scriptedApp({ content: new Array(50).fill("word "), pauseMs: 2 });
  const body = { model: "scripted", prompt: "Hi", raw: true };
  const controller = new AbortController();
  const response = await app.post("/api/generate", body, { signal: controller.signal });
  const reader = response.body!.getReader();
  await reader.read();
  controller.abort();
  await reader.read().catch(() => {});
  while (app.engine.open > 0) await new Promise((resolve) => setTimeout(resolve, 1));
  assertEquals(app.engine.aborted, 1);
});
