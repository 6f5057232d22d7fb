/** `aha chat` on small models of random weights: piped messages, slash commands, a person at a terminal. Their words mean nothing. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { main } from "../../packages/cli/src/cli.ts";
import { loadModel } from "../../packages/runtime/mod.ts";
import { runAha } from "../support/captured_io.ts";
import { modelSpec, withFolder, withKey, writeModel } from "../support/edited_model.ts";
import { assertFails, FAILED, WRONG_USAGE } from "../support/failing_command.ts";
import { fixturePath } from "../support/fixture.ts";
import { interactiveIo, type Typed } from "../support/interactive_io.ts";
import { hasTerminals, terminalProcess } from "../support/terminal_process.ts";
import { R1_TEMPLATE, writeThinkingModel } from "../support/thinking_model.ts";

const MODEL = fixturePath("models/llama_untied/gguf/model-F32.gguf");
const GREEDY = ["--temperature", "0", "--max-tokens", "8"];

/** The answers that a program gets, each as a line. */
async function answers(messages: readonly string[], system?: string): Promise<string[]> {
  await using model = await loadModel(MODEL);
  const session = model.session({ system, temperature: 0, maxTokens: 8 });
  const texts: string[] = [];
  for (const message of messages) {
    let text = "";
    for await (const event of session.send(message)) {
      if (event.type === "content") text += event.text;
    }
    texts.push(text === "" || text.endsWith("\n") ? text : `${text}\n`);
  }
  return texts;
}

const piped = (lines: readonly string[], ...words: string[]) =>
  runAha(["chat", MODEL, ...GREEDY, ...words], lines.map((line) => `${line}\n`).join(""));

Deno.test("aha chat: each line of a pipe is a message, stdout gets the answers alone", async () => {
  const { code, out } = await piped(["Hi", "", "Why\\", "so?", "//etc"], "--system", "Be brief.");
  assertEquals(code, 0);
  assertEquals(out, (await answers(["Hi", "Why\nso?", "/etc"], "Be brief.")).join(""));
  assertEquals(await runAha(["chat", MODEL], ""), { code: 0, out: "", error: "" });
});

Deno.test("aha chat: /reset and /system begin anew, /system alone shows, /bye leaves", async () => {
  const lines = ["Hi", "/reset", "Hi", "/system", "/system Be kind.", "/system", "Hi", "/reset"];
  const more = ["/system", "/system none", "/system", "Hi", "/bye", "never"];
  const { code, out, error } = await piped([...lines, ...more]);
  const [plain] = await answers(["Hi"]);
  const [kind] = await answers(["Hi"], "Be kind.");
  assertEquals([code, out], [0, plain + plain + "Be kind.\n" + kind + "Be kind.\n" + plain]);
  const cut = "cut after 8 tokens";
  const notices = error.split("\n").filter((line) => line !== cut && line !== "");
  assertEquals(notices, [
    "the conversation is forgotten",
    "there is no system message",
    "new system message; the conversation begins anew",
    "the conversation is forgotten, the system message stays",
    "no system message; the conversation begins anew",
    "there is no system message",
  ]);
});

Deno.test("aha chat: /set and /think change settings, show them and refuse others", async () => {
  const wrong = ["/set temperature x", "/set wat 1", "/think hard", "/rset", "/nothing"];
  const lines = [
    "/set",
    "/set top-k 5",
    "/set top-k",
    "/think 7",
    "/think",
    "/think auto",
    ...wrong,
  ];
  const { code, out, error } = await piped(lines);
  assertEquals(code, 0);
  assertStringIncludes(out, "max-tokens 8\n");
  assertStringIncludes(out, "seed auto\n");
  assertEquals(error.split("\n").slice(0, 5), [
    "top-k 5",
    "top-k 5",
    "think 7",
    "think 7",
    "think auto",
  ]);
  const failures = error.trimEnd().split("\n").slice(5);
  const expected = [
    '/set temperature "x" is not allowed; give a number',
    'unknown setting "wat"',
    '/think "hard" is not allowed; give on, off or a number',
    "unknown command /rset, did you mean /reset? (//rset sends it as a message)",
    "unknown command /nothing, /help lists the commands",
  ];
  assertEquals(failures.length, expected.length);
  expected.forEach((text, i) => assertStringIncludes(failures[i], `aha: ${text}`));
});

Deno.test("aha chat: /help lists the commands, /stats tells what the last answer took", async () => {
  const { out } = await piped(["/help", "/stats", "Hi", "Why?", "/stats"], "--seed", "4");
  for (const name of "help reset think system stats set retry save load bye".split(" ")) {
    assertMatch(out, new RegExp(`^/${name} .*  \\S`, "m"));
  }
  const [before, after] = out.split(/^model {4}/m).slice(1);
  assertMatch(
    before,
    /, \d+ threads, keys in f32\ncontext +0 of 512 tokens\nmemory .*\nseed {5}4\n/,
  );
  assertMatch(
    after,
    /context +[1-9]\d* of 512 tokens\nprompt +\d+ tokens, [1-9]\d* of them cached, /,
  );
  assertMatch(
    after,
    /answer +8 tokens, \d+\.\d tokens\/s, ended by length\ndrafts +\d+ tokens, \d+ of them right(?: \(\d+ %\))?\nmemory +.* at most\n/,
  );
});

Deno.test("aha chat: /save and /load keep a conversation, an existing file stays without --force", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "a chat.jsonl");
    const first = await piped(["/save x", "/save", "Hi", `/save ${path}`, `/save ${path}`, "Why?"]);
    assertStringIncludes(
      first.error,
      "aha: there are no messages to save\naha: /save needs a file",
    );
    assertStringIncludes(
      first.error,
      `2 messages in ${path}\naha: Cannot write ${path}: it exists`,
    );
    const next = await piped([
      `/load ${path}`,
      "Why?",
      `/save ${path} --force`,
      "/load",
      "/load no",
    ]);
    assertStringIncludes(next.error, `2 messages from ${path}\n`);
    assertStringIncludes(next.error, `4 messages in ${path}\naha: /load needs a file`);
    assertStringIncludes(next.error, "aha: Cannot read no: there is no such file\n");
    assert(next.out !== "");
  });
});

Deno.test("aha chat: a full context loses nothing and says what helps, --slide goes on", async () => {
  const long = "many words ".repeat(4);
  const lines = Array.from({ length: 8 }, (_, i) => `${i} ${long}`);
  const full = await piped([...lines, "/stats"], "--ctx", "150");
  assertEquals(full.code, 0);
  assertStringIncludes(full.error, "of 150: /reset forgets it; --ctx gives more room, --slide");
  assertMatch(full.out, /^context +\d+ of 150 tokens$/m);
  const made = await piped([lines[0], lines[1], lines[2], "/reset", lines[0]], "--ctx", "150");
  assert(made.out.endsWith((await answers([lines[0]]))[0]));
  const slid = await piped(lines, "--ctx", "150", "--slide");
  assertEquals(slid.error.includes("aha:"), false, slid.error);
  assertMatch(slid.error, /^the oldest \d+ messages were forgotten to make room$/m);
});

Deno.test("aha chat: a template that fails is one line a message, and the program goes on", async () => {
  const spec = await modelSpec("models/llama_untied/gguf/model-F32.gguf");
  const key = "tokenizer.chat_template";
  await withFolder(async (folder) => {
    const value = "{% for m in messages %}{% if m.content == 'no' %}{{ raise_exception('bad') }}" +
      "{% endif %}{{ m.content }}{% endfor %}";
    const path = writeModel(folder, withKey(spec, key, { type: "string", value }));
    const { code, out, error } = await runAha(["chat", path, ...GREEDY], "no\nHi\n");
    assertEquals(code, 0);
    assertMatch(error, /^aha: [^\n]*bad[^\n]*\n/);
    assert(out !== "");
    const none = writeModel(folder, withKey(spec, key));
    await assertFails(["chat", none], FAILED, "has no chat template, so it cannot chat");
  });
});

Deno.test("aha chat: wrong usage is refused before anything is loaded", async () => {
  const wrong: [string[], string][] = [
    [["--json"], "unknown option --json"],
    [["--think", "hard"], '--think "hard" is not allowed'],
    [["--temperature", "x"], '--temperature "x" is not allowed'],
    [["again"], 'unexpected argument "again"'],
  ];
  for (const [words, message] of wrong) {
    await assertFails(["chat", "no-such-model.gguf", ...words], WRONG_USAGE, message);
  }
  assertStringIncludes((await runAha(["chat", "--help"])).out, "Without MODEL it is nano");
});

/** What a person sees at a model, without styles. */
async function seen(typed: readonly Typed[], path: string, ...words: string[]) {
  const { io, written } = interactiveIo(typed);
  const code = await main(["chat", path, ...words], io);
  // deno-lint-ignore no-control-regex
  return { code, out: written.out.replace(/\x1b\[\d+m/g, ""), error: written.error };
}

Deno.test("aha chat: Ctrl-C stops the answer and not the program, and what was said stays", async () => {
  const typed = [
    { keys: "Hi\r", interruptAfter: 4 },
    { keys: "/set max-tokens 3\r" },
    { keys: "Why?\r" },
    { keys: "/stats\r" },
    { keys: "draft\x03" },
    { keys: "\x03" },
    { keys: "\x03" },
    { keys: "never\r" },
  ];
  const words = ["--temperature", "0", "--ctx", "512"];
  const { code, out, error } = await seen(typed, MODEL, ...words);
  assertEquals([code, error], [0, ""]);
  assertStringIncludes(out, "512 tokens of context. /help lists commands, Ctrl-D leaves\n");
  assertStringIncludes(out, "\nstopped; what was said stays\n\nmax-tokens 3\n\n");
  assertStringIncludes(out, "\ncut after 3 tokens\n\nmodel ");
  assertMatch(out, /answer {3}3 tokens/);
  assertMatch(out, /\n\nCtrl-C again, Ctrl-D or \/bye leaves\n$/);
});

Deno.test("aha chat: thoughts are told apart on a terminal, and counted", async () => {
  await withFolder(async (folder) => {
    const path = await writeThinkingModel(folder, R1_TEMPLATE);
    const typed = [{ keys: "Hi\r" }, { keys: "/think off\r" }, { keys: "\x1b[A\x1b[A\r" }];
    const words = ["--temperature", "0", "--max-tokens", "12", "--think", "4"];
    const { code, out } = await seen(typed, path, ...words);
    assertEquals(code, 0);
    const [thinking, off] = out.split("think off\n");
    // four tokens and those that end the thought
    assertMatch(thinking, /\n· thought for \d tokens\n\n/);
    assertEquals(off.includes("thought for"), false);
  });
});

Deno.test("aha chat: in a real terminal, Ctrl-C of the keyboard, and the terminal is given back", async () => {
  if (!hasTerminals) return; // the tests above cover the keys
  const ended = await terminalProcess(["chat", MODEL, "--seed", "1", "--ctx", "512"], [
    { after: "> ", keys: "Hi\r" },
    { after: "\n", keys: "\x03" },
    { after: "> ", keys: "/think 5\r" },
    { after: "think 5", keys: "" },
    { after: "> ", keys: "\x03" },
    { after: "leaves", keys: "" },
    { after: "> ", keys: "\x03" },
  ]);
  assertEquals(ended.code, 0, ended.out);
  assertMatch(ended.out, /think 5[^]* icanon .* echo /s);
});
