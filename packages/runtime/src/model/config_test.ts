/** Tests of reading a model's sizes: defaults, and every size that cannot be. */
import { assertEquals, assertThrows } from "@std/assert";
import { ModelError, UnsupportedError } from "../errors.ts";
import { type KeyValues, type ModelConfig, readConfig } from "./config.ts";

type Values = Readonly<Record<string, string | number | boolean | undefined>>;

const VALUES: Values = {
  "llama.block_count": 30,
  "llama.embedding_length": 576,
  "llama.attention.head_count": 9,
  "llama.feed_forward_length": 1536,
  "llama.context_length": 8192,
  "llama.attention.layer_norm_rms_epsilon": 1e-5,
};

/** Look-ups in plain values; the real ones, with their type checks, are the GGUF metadata's. */
function keyValues(values: Values): KeyValues {
  const optional = <T>(key: string) => values[key] as T | undefined;
  const required = <T>(key: string): T => {
    if (values[key] === undefined) throw new ModelError(`${key} is missing`);
    return values[key] as T;
  };
  return {
    string: required<string>,
    optionalString: optional<string>,
    count: required<number>,
    optionalCount: optional<number>,
    number: required<number>,
    optionalNumber: optional<number>,
    optionalBoolean: optional<boolean>,
  };
}

function config(change: Values = {}, vocabulary = 49152): ModelConfig {
  const llama = Object.fromEntries(Object.entries(change).map(([k, v]) => [`llama.${k}`, v]));
  return readConfig("llama", keyValues({ ...VALUES, ...llama }), vocabulary);
}

Deno.test("readConfig: what the file leaves out has its usual value", () => {
  assertEquals(config(), {
    architecture: "llama",
    layers: 30,
    width: 576,
    heads: 9,
    kvHeads: 9,
    headSize: 64,
    hidden: 1536,
    vocabulary: 49152,
    contextTokens: 8192,
    normEpsilon: 1e-5,
    ropeBase: 10000,
    rotarySize: 64,
    ropeLinearFactor: 1,
  });
});

Deno.test("readConfig: what the file says is taken", () => {
  const { kvHeads, headSize, rotarySize, ropeBase, ropeLinearFactor } = config({
    "attention.head_count_kv": 3,
    "attention.key_length": 128,
    "attention.value_length": 128,
    "rope.dimension_count": 32,
    "rope.freq_base": 5e5,
    "rope.scaling.type": "linear",
    "rope.scaling.factor": 4,
  });
  assertEquals([kvHeads, headSize, rotarySize, ropeBase, ropeLinearFactor], [3, 128, 32, 5e5, 4]);
});

const WRONG: readonly [Values, string][] = [
  [{ block_count: 0 }, "0 layers"],
  [{ block_count: 5000 }, "5000 layers"],
  [{ embedding_length: 0 }, "width 0"],
  [{ embedding_length: 2 ** 25 }, `width ${2 ** 25}`],
  [{ "attention.head_count": 0 }, "0 heads"],
  [{ "attention.head_count_kv": 0 }, "9 heads over 0 KV heads"],
  [{ "attention.head_count_kv": 2 }, "9 heads over 2 KV heads"],
  [{ embedding_length: 577 }, "head size 64.11"],
  [{ "attention.key_length": 66 }, "head size 66 (a multiple of 4 up to 576"],
  [{ "attention.key_length": 580 }, "head size 580"],
  [{ "attention.value_length": 32 }, "keys of 64 and values of 32"],
  [{ "rope.dimension_count": 66 }, "66 rotary of 64"],
  [{ "rope.dimension_count": 3 }, "3 rotary of 64"],
  [{ feed_forward_length: 0 }, "feed-forward size 0"],
  [{ context_length: 0 }, "context 0"],
  [{ context_length: 2 ** 31 }, `context ${2 ** 31}`],
  [{ "attention.layer_norm_rms_epsilon": -1 }, "norm epsilon -1"],
  [{ "attention.layer_norm_rms_epsilon": NaN }, "norm epsilon NaN"],
  [{ "rope.freq_base": 0 }, "RoPE base 0"],
  [{ "rope.freq_base": Infinity }, "RoPE base Infinity"],
  [{ "rope.dimension_count": 0 }, "0 rotary of 64"],
  [{ "rope.scaling.type": "linear", "rope.scaling.factor": 0 }, "RoPE scaling factor 0"],
];
Deno.test("readConfig: sizes that cannot be are refused by name", () => {
  for (const [change, part] of WRONG) {
    assertThrows(() => config(change), ModelError, `The llama model cannot have ${part}`);
  }
  assertThrows(() => config({}, 0), ModelError, "vocabulary 0");
});

Deno.test("readConfig: a missing size and an unknown RoPE scaling are named", () => {
  for (const key of Object.keys(VALUES)) {
    const values = keyValues({ ...VALUES, [key]: undefined });
    assertThrows(() => readConfig("llama", values, 100), ModelError, `${key} is missing`);
  }
  assertThrows(
    () => config({ "rope.scaling.type": "longrope" }),
    UnsupportedError,
    "type longrope is not",
  );
});
