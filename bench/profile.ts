/** `deno task bench:profile MODEL`: where the time of a decoded token and of a prompt goes, by exports of the core. Compares nothing and keeps nothing. */
import { parseArgs } from "node:util";
import { openGguf } from "@aha/runtime/gguf";
import {
  type CoreVariant,
  startBestCore,
  VARIANTS,
} from "../packages/runtime/src/backend/wasm/core.ts";
import { HelperThreads } from "../packages/runtime/src/backend/wasm/helper_threads.ts";
import { WasmMemory } from "../packages/runtime/src/backend/wasm/memory.ts";
import { WasmOps } from "../packages/runtime/src/backend/wasm/ops.ts";
import { WeightLoader } from "../packages/runtime/src/backend/wasm/weight_loader.ts";
import { CHUNK_ROWS, Decoder } from "../packages/runtime/src/engine/decoder.ts";
import { KvCache, pageBytes } from "../packages/runtime/src/kv_cache.ts";
import { planModel } from "../packages/runtime/src/load_model.ts";
import { findArchitecture } from "../packages/runtime/src/model/architectures.ts";
import type { Backend, Draw } from "../packages/runtime/src/ops.ts";
import { GgufParameters } from "../packages/runtime/src/parameter_source.ts";
import { resolveModel } from "../packages/runtime/src/weights/resolve_model.ts";
import { type Profile, profileTable, timedExports } from "./export_times.ts";
import { promptIds } from "./peers/peer.ts";
import { expectThreads, runProgram } from "./program.ts";

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

/** Profiles of one prompt and of `generate` tokens after it, with the milliseconds that both took. */
export interface ModelProfile {
  /** Build, threads and the type of keys and values. */
  readonly how: string;
  readonly profiles: Readonly<Record<"prefill" | "decode", Profile>>;
  readonly spentMs: Readonly<Record<"prefill" | "decode", number>>;
}

/** A loaded model whose ops write into `profile`. */
async function open({ model: name, threads, build }: ProfileSettings, into: Profile) {
  const core = await startBestCore(2 ** 32, build);
  const helpers = await HelperThreads.start(core, threads - 1);
  const memory = new WasmMemory(core);
  const ops = new WasmOps(timedExports(core.exports, memory, into), memory);
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
  console.log(profileTable(`prompt of ${prompt} tokens`, profiles.prefill, spentMs.prefill, 1));
  const title = `a token after ${prompt}, mean of ${generate}`;
  console.log(profileTable(title, profiles.decode, spentMs.decode, generate));
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
