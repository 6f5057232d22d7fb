/** `deno task bench:profile MODEL`: where the time of a decoded token and of a prompt goes, by exports of the core. Compares nothing and keeps nothing. */
import process from "node:process";
import { parseArgs } from "node:util";
import { openGguf } from "@aha/runtime/gguf";
import {
  type CoreExports,
  type CoreVariant,
  startBestCore,
  VARIANTS,
} from "../packages/runtime/src/backend/wasm/core.ts";
import { HelperThreads } from "../packages/runtime/src/backend/wasm/helper_threads.ts";
import { WasmMemory } from "../packages/runtime/src/backend/wasm/memory.ts";
import { WasmOps } from "../packages/runtime/src/backend/wasm/ops.ts";
import { PACKED_TYPES, WeightLoader } from "../packages/runtime/src/backend/wasm/weight_loader.ts";
import { CHUNK_ROWS, Decoder } from "../packages/runtime/src/engine/decoder.ts";
import { KvCache, pageBytes } from "../packages/runtime/src/kv_cache.ts";
import { planModel } from "../packages/runtime/src/load_model.ts";
import { findArchitecture } from "../packages/runtime/src/model/architectures.ts";
import type { Backend, Draw } from "../packages/runtime/src/ops.ts";
import { GgufParameters } from "../packages/runtime/src/parameter_source.ts";
import { resolveModel } from "../packages/runtime/src/weights/resolve_model.ts";
import { promptIds } from "./peers/peer.ts";
import { textTable } from "./text_table.ts";

const USAGE =
  `deno task bench:profile MODEL [--threads 1] [--prompt 512] [--generate 32] [--build BUILD]`;
const WARM_UPS = 2;
const GREEDY: Draw = {
  ...{ temperature: 0, topK: 0, topP: 1, minP: 0, seed: [0, 0], choice: 0, position: 0 },
};

interface Settings {
  readonly model: string;
  readonly threads: number;
  readonly build?: CoreVariant;
  /** Tokens of the prompt, and tokens after it whose mean is told. */
  readonly prompt: number;
  readonly generate: number;
}

/** Calls and milliseconds by what was called. */
type Profile = Map<string, { calls: number; ms: number }>;

/** Exports that count their calls and time; products apart by format and shape. */
function timed(exports: CoreExports, profile: Profile): CoreExports {
  const formats = new Map(Object.entries(PACKED_TYPES).map(([name, { id }]) => [id, name]));
  const wrapped = Object.entries(exports).map(([name, one]) => {
    if (typeof one !== "function") return [name, one];
    return [name, (...words: number[]): number => {
      const start = performance.now();
      const result = (one as (...words: number[]) => number)(...words);
      const ms = performance.now() - start;
      const [format, cols, outputs] = [formats.get(words[0]), words[7], words[8]];
      const key = name === "linear" ? `linear ${format} ${cols}x${outputs}` : name;
      const entry = profile.get(key) ?? { calls: 0, ms: 0 };
      profile.set(key, { calls: entry.calls + 1, ms: entry.ms + ms });
      return result;
    }];
  });
  return Object.fromEntries(wrapped);
}

/** A loaded model whose ops write into `profile`. */
async function open({ model: name, threads, build }: Settings, into: Profile) {
  const core = await startBestCore(2 ** 32, build);
  const helpers = await HelperThreads.start(core, threads - 1);
  const memory = new WasmMemory(core);
  const ops = new WasmOps(timed(core.exports, into), memory);
  const loader = new WeightLoader(core.exports, memory);
  const { gguf, source } = await openGguf(await resolveModel(name));
  const { config, plan: { kvType } } = planModel(gguf);
  const backend: Pick<Backend, "loadWeight" | "loadVector"> = loader;
  const parameters = new GgufParameters(gguf, source, backend as Backend, {});
  const model = await findArchitecture(config.architecture)(config, parameters, ops);
  await source.close();
  const bytes = pageBytes(model.kvShape(kvType));
  const cache = new KvCache(model.kvShape(kvType), {
    allocate: () => memory.allocate(bytes),
    release: (page) => memory.release(page),
    copy: (from, to) => memory.copy(from, to, bytes),
    read: (page) => Promise.resolve(new Uint8Array(memory.bytes(page, bytes))),
    write: (page, from) => memory.bytes(page, bytes).set(from),
  });
  return { decoder: new Decoder(model, ops, Infinity), cache, helpers, variant: core.variant };
}

function report(title: string, profile: Profile, wallMs: number, times: number): string {
  const inside = [...profile.values()].reduce((sum, { ms }) => sum + ms, 0);
  const entries = [...profile].map(([op, one]) => ({ op, ...one }));
  entries.push({ op: "outside of the core", calls: 0, ms: wallMs - inside });
  const lines = entries.toSorted((a, b) => b.ms - a.ms).map(({ op, calls, ms }) => [
    ...[op, calls ? `${calls / times}` : "", (ms / times).toFixed(3)],
    `${(100 * ms / wallMs).toFixed(1)} %`,
  ]);
  return `${title}: ${(wallMs / times).toFixed(2)} ms\n\n` +
    `${textTable(["op", "calls", "ms", "share"], lines)}\n`;
}

async function main(settings: Settings): Promise<void> {
  const { model, threads, prompt, generate } = settings;
  const profile: Profile = new Map();
  const { decoder, cache, helpers, variant } = await open(settings, profile);
  console.log(`${model}, ${variant}, ${threads} threads; keys and values in ${cache.shape.type}\n`);
  const spent = { prefill: 0, decode: 0 };
  const profiles: Record<keyof typeof spent, Profile> = { prefill: new Map(), decode: new Map() };
  const ids = promptIds(prompt);
  for (let turn = -WARM_UPS; turn < 1; turn++) {
    const sequence = cache.create();
    const step = async (part: keyof typeof spent, feed: readonly number[]): Promise<number> => {
      profile.clear();
      const start = performance.now();
      const [{ id }] = await decoder.step(cache, [{ sequence, ids: feed, draws: [GREEDY] }]);
      if (turn < 0) return id;
      spent[part] += performance.now() - start;
      for (const [op, { calls, ms }] of profile) {
        const sum = profiles[part].get(op) ?? { calls: 0, ms: 0 };
        profiles[part].set(op, { calls: sum.calls + calls, ms: sum.ms + ms });
      }
      return id;
    };
    let next = 0;
    for (let start = 0; start < prompt; start += CHUNK_ROWS) {
      next = await step("prefill", ids.slice(start, start + CHUNK_ROWS));
    }
    for (let token = 0; token < generate; token++) next = await step("decode", [next]);
    cache.free(sequence);
  }
  console.log(report(`prompt of ${prompt} tokens`, profiles.prefill, spent.prefill, 1));
  const title = `a token after ${prompt}, mean of ${generate}`;
  console.log(report(title, profiles.decode, spent.decode, generate));
  helpers.close();
}

/** Reads the words of the command; throws with what is wrong. */
function readSettings(words: readonly string[]): Settings {
  const text = (value: string) => ({ type: "string", default: value }) as const;
  const { values, positionals } = parseArgs({
    args: [...words],
    allowPositionals: true,
    options: {
      ...{ threads: text("1"), prompt: text("512"), generate: text("32") },
      build: { type: "string" },
    },
  });
  const count = (option: "threads" | "prompt" | "generate"): number => {
    const word = values[option];
    if (/^[1-9]\d{0,5}$/.test(word)) return Number(word);
    throw new RangeError(`--${option} is ${JSON.stringify(word)}, not a whole number from 1 on`);
  };
  const build = VARIANTS.find((one) => one === values.build);
  if (values.build && !build) throw new RangeError(`--build is none of ${VARIANTS.join(", ")}`);
  if (positionals.length !== 1) throw new RangeError("One MODEL is wanted");
  const [model] = positionals;
  return {
    model,
    build,
    threads: count("threads"),
    prompt: count("prompt"),
    generate: count("generate"),
  };
}

if (import.meta.main) {
  let settings: Settings;
  try {
    settings = readSettings(process.argv.slice(2));
  } catch (error) {
    console.error(`${(error as Error).message}\n${USAGE}`);
    process.exit(2);
  }
  await main(settings);
  process.exit(0);
}
