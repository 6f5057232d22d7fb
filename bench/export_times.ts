/** Calls and milliseconds of the core's exports, timed from outside. Knows no model and runs none. */
import type { CoreExports } from "../packages/runtime/src/backend/wasm/core.ts";
import type { WasmMemory } from "../packages/runtime/src/backend/wasm/memory.ts";
import { PACKED_TYPES } from "../packages/runtime/src/backend/wasm/weight_loader.ts";
import { textTable } from "./text_table.ts";

/** Calls and milliseconds by what was called. */
export type Profile = Map<string, { calls: number; ms: number }>;

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

/** What a call is counted as: products apart by format and shape. */
function nameOf(name: string, words: readonly number[], memory: WasmMemory): string {
  if (name === "linear") {
    return linearName(memory.u32(words[0], LINEAR_WORDS * words[1]), words[5]);
  }
  if (name === "linear_input_gradient") {
    return `${name} ${FORMATS.get(words[0])} ${words[6]}x${words[7]}`;
  }
  if (name === "linear_weight_gradient") return `${name} ${words[5]}x${words[6]}`;
  return name;
}

/** Exports that count their calls and time into `profile`. */
export function timedExports(
  exports: CoreExports,
  memory: WasmMemory,
  profile: Profile,
): CoreExports {
  const wrapped = Object.entries(exports).map(([name, one]) => {
    if (typeof one !== "function") return [name, one];
    return [name, (...words: number[]): number => {
      const start = performance.now();
      const result = (one as (...words: number[]) => number)(...words);
      const ms = performance.now() - start;
      const key = nameOf(name, words, memory);
      const entry = profile.get(key) ?? { calls: 0, ms: 0 };
      profile.set(key, { calls: entry.calls + 1, ms: entry.ms + ms });
      return result;
    }];
  });
  return Object.fromEntries(wrapped);
}

/** A table of what `times` runs took together, the slowest first. */
export function profileTable(
  title: string,
  profile: Profile,
  wallMs: number,
  times: number,
): string {
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
