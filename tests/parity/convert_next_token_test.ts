/** A folder with a layer that guesses a further token, converted: it is kept, and the others compute what they did without it. */
import { assert } from "@std/assert";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { convertCheckpoint } from "../../packages/runtime/src/convert/mod.ts";
import { openFileSink } from "../../packages/runtime/src/gguf/mod.ts";
import { CheckpointFiles } from "../support/checkpoint_files.ts";
import { fixtureJson, fixturePath } from "../support/fixture.ts";
import { FixtureModel } from "../support/fixture_model.ts";
import { readSafetensors } from "../support/safetensors.ts";
import { F32_NMSE, nmse } from "../support/tolerance.ts";

const MODEL = "models/deepseek_v3_noqlora";

/** The fixture with a third layer like its second one, as DeepSeek-V3 has one after its last. */
function withNextToken(): CheckpointFiles {
  const files = CheckpointFiles.read(fixturePath(`${MODEL}/hf`));
  files.config.num_nextn_predict_layers = 1;
  for (const [name, tensor] of [...files.tensors]) {
    if (!name.startsWith("model.layers.1.")) continue;
    files.tensors.set(name.replace(".1.", ".2."), tensor);
  }
  const add = (name: string, ...shape: number[]) => {
    const count = shape.reduce((product, size) => product * size);
    files.setFloats(`model.layers.2.${name}.weight`, shape, new Float32Array(count).fill(0.5));
  };
  add("eh_proj", 64, 128);
  for (const name of ["enorm", "hnorm", "shared_head.norm"]) add(name, 64);
  for (const name of ["embed_tokens", "shared_head.head"]) add(name, 384, 64);
  return files;
}

Deno.test("convertCheckpoint: a layer for a further token changes no logits", async () => {
  const { prompts } = fixtureJson<{ prompts: { name: string; ids: number[] }[] }>(
    `${MODEL}/expected.json`,
  );
  const references = readSafetensors(fixturePath(`${MODEL}/logits.safetensors`));
  const folder = mkdtempSync(join(tmpdir(), "aha-convert-"));
  try {
    const path = join(folder, "model.gguf");
    const sink = await openFileSink(path);
    await convertCheckpoint(withNextToken().folder(), sink, { type: "F32" });
    sink.commit();
    await using open = await FixtureModel.open(path);
    for (const { name, ids } of prompts) {
      const reference = references.get(name)?.values ?? new Float32Array();
      const error = nmse(await open.logits(ids), reference);
      assert(error <= F32_NMSE, `${name}: NMSE ${error}`);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});
