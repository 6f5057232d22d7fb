/** Tests of settings.ts and config_file.ts. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import * as fs from "node:fs";
import { join } from "node:path";
import { withFolder } from "../../../../tests/support/edited_model.ts";
import { parseArguments } from "../arguments.ts";
import { type Command, UsageError } from "../command.ts";
import { command } from "../commands/serve.ts";
import { type ServeSettings, serveSettings } from "./settings.ts";

function settings(words: readonly string[], environment = {}): ServeSettings {
  const input = parseArguments(command as Command, words);
  assert(input !== "help");
  return serveSettings(input, environment);
}

function refused(words: readonly string[], message: string, environment = {}): void {
  assertThrows(() => settings(words, environment), UsageError, message);
}

Deno.test("serveSettings: defaults are for this machine alone", () => {
  assertEquals(settings([]), {
    host: "127.0.0.1",
    port: 8787,
    engine: {
      models: [{ name: "nano", source: "nano", loadOptions: {} }],
      preload: true,
    },
    app: { apiKeys: [], corsOrigins: [], hostNames: ["127.0.0.1"], logPrompts: false },
    log: "text",
    graceMs: 10_000,
  });
});

Deno.test("serveSettings: adapters go to their model, the only one or the one named before them", () => {
  const loraOf = (words: string) =>
    settings(words.split(" ")).engine.models.map(({ loadOptions }) => loadOptions?.lora);
  assertEquals(loraOf("a.gguf --lora sql=x.gguf:0.5 --lora y"), [[
    { name: "sql", from: "x.gguf", scale: 0.5 },
    { from: "y" },
  ]]);
  assertEquals(loraOf("r1:7b=a.gguf b.gguf --lora b:sql=x --lora r1:7b:sql=y --lora b:z=z"), [
    [{ name: "sql", from: "y" }],
    [{ name: "sql", from: "x" }, { name: "z", from: "z" }],
  ]);
  const refusal = "give MODEL:NAME=FILE, MODEL one of a, b";
  for (const lora of ["sql=x", "x", "c:sql=x"]) refused(["a", "b", "--lora", lora], refusal);
  refused(["a", "--lora", "s=x", "--lora", "s=y"], 'two adapters are called "s"');
  refused(["a", "--lora", "s="], "give [NAME=]FILE[:SCALE]");
});

Deno.test("serveSettings: every option", () => {
  const words =
    "a.gguf big=b.gguf --host 0.0.0.0 --port 0 --api-key one --api-key ci:two --slots 2 " +
    "--ctx 1024 --memory 3GiB --cors https://a.example --cors * --threads 2 --kv-type q8_0 " +
    "--idle-timeout 10m --queue 0 --timeout 1h --max-tokens 99 --alias gpt-* --alias large=big " +
    "--grace 3s --log json --log-prompts";
  const loadOptions = { contextTokens: 1024, threads: 2, kvType: "q8_0" as const };
  assertEquals(settings(words.split(" "), { AHA_API_KEYS: "three" }), {
    host: "0.0.0.0",
    port: 0,
    engine: {
      models: [
        { name: "a", source: "a.gguf", loadOptions, aliases: ["gpt-*"] },
        { name: "big", source: "b.gguf", loadOptions, aliases: ["large"] },
      ],
      ...{ preload: true, slots: 2, maxQueued: 0, memoryBytes: 3 * 2 ** 30, keepAliveMs: 600_000 },
    },
    app: {
      apiKeys: [
        { name: "key-1", key: "one" },
        { name: "ci", key: "two" },
        { name: "key-3", key: "three" },
      ],
      ...{ corsOrigins: ["https://a.example", "*"], logPrompts: true },
      ...{ maxTokens: 99, requestTimeoutMs: 3_600_000 },
    },
    log: "json",
    graceMs: 3_000,
  });
});

Deno.test("serveSettings: others may ask with a key or by leave, and names of the host matter where neither is", () => {
  for (const host of ["0.0.0.0", "::", "192.168.1.7", "pi.local", "127.0.0.1.evil.example"]) {
    refused(["--host", host], `--host ${host} lets others ask`);
    assertEquals(settings(["--host", host, "--public"]).app.hostNames, ["*"]);
    assertEquals(settings(["--host", host], { AHA_API_KEYS: "k" }).app.hostNames, undefined);
  }
  for (const host of ["127.0.0.1", "127.1.2.3", "localhost", "::1"]) {
    const words = ["--host", host, "--allow-host", "pi.local"];
    assertEquals(settings(words).app.hostNames, ["pi.local", host]);
    assertEquals(settings([...words, "--api-key", "k"]).app.hostNames, undefined);
  }
});

Deno.test("serveSettings: what makes no sense is wrong usage, and keys are not told", () => {
  refused(["a.gguf", "x/a.gguf"], 'two models are called "a"; give one as NAME=MODEL');
  refused(["a.gguf", "--alias", "a"], 'two models are called "a"');
  refused(["a.gguf", "--alias", "b=c"], '--alias "b=c" is not allowed');
  refused(["a.gguf", "--alias", "=a"], '--alias "=a" is not allowed');
  refused(["models/"], "needs a name");
  for (const origin of ["example.com", "https://a.example/", "https://a.example/x", "null"]) {
    refused(["--cors", origin], `--cors ${JSON.stringify(origin)} is not allowed`);
  }
  refused(["--slots", "0"], "--slots");
  refused(["--queue", "-1"], "--queue");
  refused(["--log", "xml"], "one of text, json, off");
  refused(["--backend", "wasm"], "unknown option --backend");
  const { message } = assertThrows(
    () => settings(["--api-key", "sécret"]),
    UsageError,
    "API key 1",
  );
  assert(!message.includes("cret"));
  refused([], "API key 1", { AHA_API_KEYS: "sécret" });
});

const PRICES = { currency: "EUR", cacheHit: 0.1, cacheMiss: 0.2, output: 0.4 };

/** Settings of a config file with this text and these words beside it. */
async function withConfig(
  content: unknown,
  use: (read: (...words: string[]) => ServeSettings) => void,
): Promise<void> {
  await withFolder((folder) => {
    const path = join(folder, "config.json");
    fs.writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
    use((...words) => settings(["--config", path, ...words]));
    return Promise.resolve();
  });
}

Deno.test("serveSettings: a config file has models with prices, keys with limits, and options", async () => {
  const key = { name: "ci", key: "k", requestsPerMinute: 60, tokensPerMinute: 10_000 };
  const config = {
    models: [
      { model: "a.gguf", aliases: ["x"], prices: PRICES, ctx: 4096, memory: "1GiB" },
      { model: "b.gguf", name: "org/b", "kv-type": "f32", threads: 1, "idle-timeout": "5m" },
    ],
    apiKeys: [key],
    ...{ host: "0.0.0.0", port: 80, slots: "3", ctx: 512, cors: ["*"], "log-prompts": true },
  };
  await withConfig(config, (read) => {
    const { host, port, engine, app } = read("--port", "81", "c.gguf");
    assertEquals([host, port, engine.slots, app.logPrompts], ["0.0.0.0", 81, 3, true]);
    assertEquals([app.apiKeys, app.corsOrigins], [[key], ["*"]]);
    assertEquals(engine.models, [
      { name: "c", source: "c.gguf", loadOptions: { contextTokens: 512 } },
      {
        ...{ name: "a", source: "a.gguf", aliases: ["x"], prices: PRICES },
        loadOptions: { contextTokens: 4096, memoryBytes: 2 ** 30 },
      },
      {
        ...{ name: "org/b", source: "b.gguf", keepAliveMs: 300_000 },
        loadOptions: { contextTokens: 512, threads: 1, kvType: "f32" },
      },
    ]);
  });
});

Deno.test("serveSettings: what is wrong in a config file is told by its place", async () => {
  const model = { model: "a.gguf" };
  const cases: [unknown, string][] = [
    ['{"models": [', "config.json is not valid JSON: "],
    ["[]", "config.json: "],
    [{ modles: [] }, 'config.json: Unrecognized key: "modles"'],
    [{ "api-key": ["k"] }, 'Unrecognized key: "api-key"'],
    [{ models: [{ name: "a" }] }, "config.json: models.0.model: "],
    [{ models: [model, { ...model, prise: 1 }] }, 'models.1: Unrecognized key: "prise"'],
    [{ models: [{ ...model, prices: { ...PRICES, output: "1" } }] }, "models.0.prices.output: "],
    [{ models: [{ ...model, prices: { ...PRICES, output: -1 } }] }, "models.0.prices.output: "],
    [{ models: [{ ...model, ctx: "many" }] }, 'model "a": --ctx "many" is not allowed'],
    [{ apiKeys: [{ name: "a", key: "" }] }, "apiKeys.0.key: "],
    [{ port: true }, "config.json: port: "],
    [{ port: "x" }, '--port "x" is not allowed'],
    [{ public: "yes" }, "config.json: public: "],
  ];
  for (const [content, message] of cases) {
    await withConfig(content, (read) => {
      const error = assertThrows(() => read(), UsageError, message);
      assert(!error.message.includes("\n"));
    });
  }
  assertThrows(() => settings(["--config", "no/such.json"]), Error, "there is no such file");
});
