/** A folder converted and quantized by `aha` processes gives the texts of the folder's own model. */
import { assertEquals } from "@std/assert";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ahaProcess } from "../support/aha_process.ts";
import { withFolder } from "../support/edited_model.ts";
import { fixtureJson, fixturePath } from "../support/fixture.ts";
import { assertSameBytes } from "../support/same_bytes.ts";

interface Expected {
  readonly prompts: readonly {
    readonly ids: readonly number[];
    readonly greedy: readonly number[];
  }[];
}

/** Where `aha run` would stop. */
const END_IDS = [381, 383];

Deno.test("aha convert: the file answers as the model of the folder does", () =>
  withFolder(async (folder) => {
    const [f32, f16, direct] = ["f32", "f16", "direct"].map((name) => join(folder, `${name}.gguf`));
    const sharded = fixturePath("models/qwen2/hf_sharded");
    const converted = await ahaProcess(["convert", sharded, f32]);
    assertEquals([converted.code, converted.error], [0, ""]);
    const { prompts } = fixtureJson<Expected>("models/qwen2/expected.json");
    const { ids, greedy } = prompts.find(({ greedy }) =>
      !greedy.some((id) => END_IDS.includes(id))
    ) as Expected["prompts"][number];
    const ran = await ahaProcess(
      ["run", f32, "--ids", ids.join(), "--max-tokens", `${greedy.length}`]
        .concat(["--temperature", "0", "--kv-type", "f32", "--json"]),
    );
    assertEquals([ran.code, ran.error], [0, ""]);
    assertEquals(JSON.parse(ran.out).ids, greedy);
    // Two steps and one lead to the same bytes.
    await ahaProcess(["quantize", f32, f16, "F16"]);
    await ahaProcess(["convert", sharded, direct, "--type", "F16"]);
    assertSameBytes(readFileSync(f16), readFileSync(direct));
    const again = await ahaProcess(["convert", sharded, f32]);
    assertEquals([again.code, again.out], [1, ""]);
    assertEquals(readdirSync(folder).sort(), ["direct.gguf", "f16.gguf", "f32.gguf"]);
  }));
