/** The words of `deno task bench:peers`. */
import { assertEquals, assertThrows } from "@std/assert";
import { readSettings } from "./run.ts";

Deno.test("readSettings: every format, 1 and 2 threads, 3 repeats, all peers where nothing is said", () => {
  const { models, threads, repeats, peers } = readSettings([]);
  assertEquals([...models], ["Q4_0", "Q4_1", "Q8_0", "qwen2-0.5b", "moe"]);
  assertEquals({ threads, repeats }, { threads: [1, 2], repeats: 3 });
  const names = peers.map(({ name }) => name);
  assertEquals(names, ["aha", "aha-simd-threads", "node-llama-cpp", "llama-bench", "wllama"]);
});

Deno.test("readSettings: models, threads, repeats and peers as said", () => {
  const words = ["a.gguf", "--threads", "4", "--repeat", "7", "--only", "wllama,aha"];
  const { models, threads, repeats, peers } = readSettings(words);
  assertEquals({ models, threads, repeats }, { models: ["a.gguf"], threads: [4], repeats: 7 });
  assertEquals(peers.map(({ name }) => name), ["wllama", "aha"]);
});

Deno.test("readSettings: what is wrong is named", () => {
  assertThrows(() => readSettings(["--threads", "1,0"]), RangeError, `--threads is "0"`);
  assertThrows(() => readSettings(["--repeat", "many"]), RangeError, `--repeat is "many"`);
  assertThrows(() => readSettings(["--only", "ollama"]), RangeError, `--only names "ollama"`);
  assertThrows(() => readSettings(["--thread", "1"]), TypeError, "--thread");
});
