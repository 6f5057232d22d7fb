/** `deno task bench:profile MODEL`: where the time of a decoded token and of a prompt goes, by exports of the core. Compares nothing and keeps nothing. */
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
import { expectThreads, runProgram } from "./program.ts";
import { textTable } from "./text_table.ts";

const USAGE =
  `deno task bench:profile MODEL [--threads 1] [--prompt 512] [--generate 32] [--build BUILD]`;
const WARM_UPS = 2;
const GREEDY: Draw = {
  ...{ temperature: 0, topK: 0, topP: 1, minP: 0, seed: [0, 0], choice: 0, position: 0 },
};

/** What is profiled. */
export interface ProfileSettings {
  readonly model: string;
  readonly threads: number;
  readonly build?: CoreVariant;
  /** Tokens of the prompt, and tokens after it whose mean is told. */
  readonly prompt: number;
  readonly generate: number;
}

/** Calls and milliseconds by what was called. */
export type Profile = Map<string, { calls: number; ms: number }>;

/** Profiles of one prompt and of `generate` tokens after it, with the milliseconds that both took. */
export interface ModelProfile {
  /** Build, threads and the type of keys and values. */
  readonly how: string;
  readonly profiles: Readonly<Record<"prefill" | "decode", Profile>>;
  readonly spentMs: Readonly<Record<"prefill" | "decode", number>>;
}

const FORMATS = new Map(Object.entries(PACKED_TYPES).map(([name, { id }]) => [id, name]));
/** u32 of one product in the list of the export `linear`: ggml type, packed, bias, out, outputs. */
const LINEAR_WORDS = 5;

/** Name of products of one input: formats, columns and outputs, as in `linear Q4_1 576x(576+192+192)`. */
export function linearName(list: Uint32Array, cols: number): string {
  const at = (word: number): number[] => [...list].filter((_, i) => i % LINEAR_WORDS === word);
  const [types, outputs] = [at(0), at(4)];
  const formats = new Set(types).size === 1 ? types.slice(0, 1) : types;
  const names = formats.map((type) => FORMATS.get(type) ?? `type ${type}`);
  const sum = outputs.join("+");
  return `linear ${names.join("+")} ${cols}x${outputs.length === 1 ? sum : `(${sum})`}`;
}

/** Exports that count their calls and time; products apart by format and shape. */
function timed(exports: CoreExports, memory: WasmMemory, profile: Profile): CoreExports {
  const wrapped = Object.entries(exports).map(([name, one]) => {
    if (typeof one !== "function") return [name, one];
    return [name, (...words: number[]): number => {
      const start = performance.now();
      const result = (one as (...words: number[]) => number)(...words);
      const ms = performance.now() - start;
      const key = name === "linear"
        ? linearName(memory.u32(words[0], LINEAR_WORDS * words[1]), words[5])
        : name;
      const entry = profile.get(key) ?? { calls: 0, ms: 0 };
      profile.set(key, { calls: entry.calls + 1, ms: entry.ms + ms });
      return result;
    }];
  });
  return Object.fromEntries(wrapped);
}

/** A loaded model whose ops write into `profile`. */
async function open({ model: name, threads, build }: ProfileSettings, into: Profile) {
  const core = await startBestCore(2 ** 32, build);
  const helpers = await HelperThreads.start(core, threads - 1);
  const memory = new WasmMemory(core);
  const ops = new WasmOps(timed(core.exports, memory, into), memory);
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
  const how = `${core.variant}, ${threads} threads; keys and values in ${kvType}`;
  const decoder = new Decoder(model, ops, Infinity);
  return { decoder, cache, helpers, how, vocabulary: config.vocabulary };
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

/** Runs a prompt and some tokens after it, some turns to warm up and then one that counts. */
export async function profileModel(settings: ProfileSettings): Promise<ModelProfile> {
  const { prompt, generate } = settings;
  const profile: Profile = new Map();
  const { decoder, cache, helpers, how, vocabulary } = await open(settings, profile);
  const spent = { prefill: 0, decode: 0 };
  const profiles: Record<keyof typeof spent, Profile> = { prefill: new Map(), decode: new Map() };
  const ids = promptIds(prompt).map((id) => id % vocabulary);
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
  helpers.close();
  return { how, profiles, spentMs: spent };
}

async function main(settings: ProfileSettings): Promise<void> {
  const { model, threads, build, prompt, generate } = settings;
  expectThreads(threads, build);
  const { how, profiles, spentMs } = await profileModel(settings);
  console.log(`${model}, ${how}\n`);
  console.log(report(`prompt of ${prompt} tokens`, profiles.prefill, spentMs.prefill, 1));
  const title = `a token after ${prompt}, mean of ${generate}`;
  console.log(report(title, profiles.decode, spentMs.decode, generate));
}

/** Reads the words of the command; throws with what is wrong. */
function readSettings(words: readonly string[]): ProfileSettings {
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

if (import.meta.main) await runProgram({ usage: USAGE, read: readSettings, run: main });
