/** `aha serve`: models over HTTP, as clients of OpenAI, DeepSeek, Ollama and llama-server ask for them. Answers no request itself. */
import type { AppOptions, Engine, EngineConfig, ModelSpec } from "@aha/api";
import type { Listener } from "@aha/api/listen";
import { findModel } from "@aha/weights";
import process from "node:process";
import config from "../../deno.json" with { type: "json" };
import { BrokenPipeError, type Command, type CommandInput, type CommandIo } from "../command.ts";
import { DEFAULT_MODEL } from "../nano/default_model.ts";
import { introduction } from "../nano/introduction.ts";
import { accessLine } from "../serve/access_line.ts";
import { greeting } from "../serve/greeting.ts";
import { watchLoading } from "../serve/loading.ts";
import { type LogForm, serveOptionSpecs, serveSettings } from "../serve/settings.ts";
import { errorLine } from "../terminal/error_line.ts";

/** How long clients may take to read what was written last. */
const LAST_BYTES_MS = 6_000;

/** `aha serve [MODEL...]`. */
export const command: Command = {
  name: "serve",
  usage: "serve [MODEL...] [--host 127.0.0.1] [--port 8787] [--api-key K] [--slots N] [--ctx N]\n" +
    "  [--memory SIZE] [--lora [NAME=]FILE]... [--cors ORIGIN] [--public]",
  details:
    `Without MODEL it is ${DEFAULT_MODEL}, which comes with Aha. Requests name a model by its file's
name without .gguf, or as NAME of NAME=MODEL; the first one answers where a request names none.
Only this machine may ask, unless --host comes with a key or with --public. What is on the command line
can be seen by everybody here (ps): AHA_API_KEYS takes keys too, [NAME:]KEY between commas.
An adapter of --lora is asked for as MODEL:NAME; several models take --lora MODEL:NAME=FILE. Requests of
different adapters run side by side, each step with one of them.
The models load while /health answers 503. The access log goes to stdout, everything else to stderr.
Ctrl-C or SIGTERM ends it when running answers have ended (--grace); a second one ends it at once.
  aha serve smollm2-135m --ctx 2048
  AHA_API_KEYS=ci:s3cret aha serve small=a.gguf large=b.gguf --host 0.0.0.0 --memory 3GiB
--config FILE holds models, keys and options, named as below:
  {"models": [{"model": "a.gguf", "name": "small", "aliases": ["gpt-*"], "ctx": 4096,
     "lora": ["sql=sql.gguf", "style=peft-folder:0.5"], "prices":
     {"currency": "EUR", "cacheHit": 0.1, "cacheMiss": 0.2, "output": 0.4}}],
   "apiKeys": [{"name": "ci", "key": "s3cret", "requestsPerMinute": 60, "tokensPerMinute": 10000}],
   "port": 8080, "idle-timeout": "10m"}
Prices are those of a million tokens. The command line comes before the file.`,
  positionals: ["[MODEL...]"],
  options: serveOptionSpecs,
  run,
};

async function run(input: CommandInput, io: CommandIo): Promise<number> {
  const { engine: engineConfig, app: appOptions, log, graceMs, ...place } = serveSettings(
    input,
    process.env,
  );
  const { models } = engineConfig;
  for (const model of models) await expectUsable(model, engineConfig);
  const [{ createApp, createEngine }, { listen }] = await Promise.all([
    import("@aha/api"),
    import("@aha/api/listen"),
  ]);
  const { signal } = io;
  const loading = watchLoading(models.map(({ name }) => name), io);
  const engine = await createEngine({ ...engineConfig, ...loading.hooks });
  try {
    const app = createApp(engine, { ...appOptions, ...reports(log, io) });
    const listener = await listen(app, place);
    try {
      io.error(greeting(listener, models, appOptions.apiKeys?.length ?? 0));
      for (const { source } of models) io.error(introduction(String(source), io));
      await Promise.race([untilAborted(signal), loading.failed]);
      io.error(`Stopping: answers may go on for ${graceMs / 1000} s; Ctrl-C ends them at once\n`);
    } finally {
      loading.stop();
      await stop(engine, listener, signal.aborted ? graceMs : 0);
    }
  } finally {
    await engine.close({ graceMs: 0 });
  }
  return 0;
}

/**
 * Finds out before anybody is told of a server what can be known without loading: that a file is there, can be read, and
 * fits, and that its adapters are for it.
 */
async function expectUsable(
  { source, loadOptions }: ModelSpec,
  { slots: sequences = 8, memoryBytes }: EngineConfig,
): Promise<void> {
  const place = String(source);
  if (isRemote(place) || findModel(place)) return;
  const [{ openGguf }, { resolveModel }, { modelConfig, planModel }, { readAdapter }] =
    await Promise.all([
      import("@aha/runtime/gguf"),
      import("@aha/runtime/weights"),
      import("@aha/runtime"),
      import("@aha/runtime/lora"),
    ]);
  const opened = await openGguf(await resolveModel(place));
  await opened.source.close();
  planModel(opened.gguf, { sequences, ...(memoryBytes ? { memoryBytes } : {}), ...loadOptions });
  const config = modelConfig(opened.gguf, { latentForm: "naive" });
  for (const { from } of loadOptions?.lora ?? []) {
    if (!isRemote(from)) await readAdapter(from, config);
  }
}

function isRemote(place: string): boolean {
  return /^(https?|hf):/i.test(place);
}

/** Where requests and faults are written. */
function reports(
  form: LogForm,
  io: CommandIo,
): Pick<AppOptions, "onAccess" | "onError" | "version"> {
  let isRead = form !== "off";
  return {
    version: config.version,
    onError(error, requestId) {
      const stack = error instanceof Error ? error.stack : undefined;
      io.error(`aha: ${requestId} failed: ${stack ?? errorLine(error)}\n`);
    },
    onAccess(entry) {
      if (!isRead || form === "off") return;
      try {
        io.out(`${accessLine(entry, form)}\n`);
      } catch (error) {
        if (!(error instanceof BrokenPipeError)) throw error;
        isRead = false; // who reads the log has gone; clients have not
      }
    },
  };
}

function untilAborted(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (signal.aborted) resolve();
  else signal.addEventListener("abort", () => resolve(), { once: true });
  return promise;
}

/** Takes no more requests, lets answers end, then ends them with a proper last frame. */
async function stop(engine: Engine, listener: Listener, graceMs: number): Promise<void> {
  const closed = listener.close({ graceMs: graceMs + LAST_BYTES_MS });
  await engine.close({ graceMs });
  await closed;
}
