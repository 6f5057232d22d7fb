/** Tests of when a layer for multi-token prediction is worth its time. */
import { assertEquals } from "@std/assert";
import type { ModelConfig } from "../../model/config.ts";
import { guessCost } from "../../model/multi_token.ts";
import { layerPays } from "./choose_drafter.ts";

/** Sizes of DeepSeek-V3 (2412.19437, section 4.2), as far as its weights depend on them. */
const V3 = {
  ...{ layers: 61, width: 7168, heads: 128, headSize: 192, vocabulary: 129_280, hidden: 18_432 },
  latent: { queryRank: 1536, rank: 512, rotarySize: 64, nopeSize: 128, valueSize: 128 },
  mixture: { experts: 256, used: 8, shared: 1, hidden: 2048 },
} as unknown as ModelConfig;

/** A mixture of the nano family. */
const NANO = {
  ...{ layers: 4, width: 128, heads: 4, headSize: 32, vocabulary: 64, hidden: 352 },
  latent: { queryRank: 48, rank: 32, rotarySize: 16, nopeSize: 16, valueSize: 32 },
  mixture: { experts: 8, used: 2, shared: 1, hidden: 112 },
} as unknown as ModelConfig;

Deno.test("layerPays: in DeepSeek-V3 it does, in a model of four layers it does not", () => {
  assertEquals(guessCost(V3) < 0.05 && guessCost(NANO) > 0.25, true);
  assertEquals([layerPays(V3), layerPays(NANO)], [true, false]);
});
