/** How products are named in a profile, and a whole profile of a small model. Asserts no speed. */
import { assert, assertEquals } from "@std/assert";
import { fileURLToPath } from "node:url";
import { linearName } from "./export_times.ts";
import { profileModel } from "./profile.ts";

const MODEL = fileURLToPath(
  new URL("../tests/fixtures/models/llama_k256/gguf/model-Q4_K_M.gguf", import.meta.url),
);

Deno.test("linearName: formats, columns and the outputs of each product", () => {
  const product = (type: number, outputs: number) => [type, 64, 0, 128, outputs];
  const three = [...product(3, 576), ...product(3, 192), ...product(3, 192)];
  assertEquals(linearName(Uint32Array.from(three), 576), "linear Q4_1 576x(576+192+192)");
  assertEquals(linearName(Uint32Array.from(product(8, 49_152)), 576), "linear Q8_0 576x49152");
  const mixed = [...product(12, 256), ...product(14, 64)];
  assertEquals(linearName(Uint32Array.from(mixed), 256), "linear Q4_K+Q6_K 256x(256+64)");
});

Deno.test("profileModel: every product has its name; ids stay within a small vocabulary", async () => {
  const { profiles } = await profileModel({ model: MODEL, threads: 1, prompt: 600, generate: 2 });
  for (const profile of [profiles.prefill, profiles.decode]) {
    const names = [...profile.keys()];
    const products = names.filter((name) => name.startsWith("linear"));
    assert(products.length > 2, names.join());
    const format = /^linear [A-Z0-9_+]+ \d+x(\d+|\(\d+(\+\d+)+\))$/;
    for (const name of products) assert(format.test(name), name);
    assert(names.every((name) => !name.includes("undefined") && !name.includes("NaN")));
  }
});
