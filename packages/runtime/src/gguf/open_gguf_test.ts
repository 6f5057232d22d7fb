/** Tests of opening models that are one file or several: whole, in any order of naming, incomplete, mixed. */
import { assertEquals, assertRejects } from "@std/assert";
import { Buffer } from "node:buffer";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { modelSpec, withFolder, withKey } from "../../../../tests/support/edited_model.ts";
import { fixturePath } from "../../../../tests/support/fixture.ts";
import { ggufBytes, type GgufSpec } from "../../../../tests/support/gguf_bytes.ts";
import { ModelError, SourceError } from "../errors.ts";
import { openGguf } from "./open_gguf.ts";
import { parseShardName, withoutShardNumber } from "./shards/shard_name.ts";

const FOLDER = "models/llama_untied/gguf";
const shard = (number: number) => `model-F32-split-0000${number}-of-00003.gguf`;

function copyShards(folder: string, numbers = [1, 2, 3]): string {
  for (const i of numbers) {
    writeFileSync(join(folder, shard(i)), readFileSync(fixturePath(`${FOLDER}/${shard(i)}`)));
  }
  return join(folder, shard(1));
}

async function write(path: string, change: (spec: GgufSpec) => GgufSpec): Promise<void> {
  const number = Number(/-0000(\d)-/.exec(path)?.[1]);
  writeFileSync(path, ggufBytes(change(await modelSpec(`${FOLDER}/${shard(number)}`))));
}

Deno.test("parseShardName: numbers and siblings of paths and URLs", () => {
  assertEquals(parseShardName("a/m-00002-of-00003.gguf"), {
    number: 2,
    count: 3,
    all: ["a/m-00001-of-00003.gguf", "a/m-00002-of-00003.gguf", "a/m-00003-of-00003.gguf"],
  });
  const url = "https://x.test/m-00001-of-00002.gguf?download=true";
  assertEquals(parseShardName(url)?.all[1], url.replace("00001-", "00002-"));
  for (
    const name of ["m.gguf", "m-00004-of-00003.gguf", "m-00000-of-00003.gguf", "m-1-of-2.gguf"]
  ) {
    assertEquals(parseShardName(name), undefined, name);
  }
  assertEquals(withoutShardNumber("m-00002-of-00003.gguf"), "m-of-00003.gguf");
  assertEquals(withoutShardNumber("m.gguf"), "m.gguf");
});

Deno.test("openGguf: shards together hold the tensors of the single file, byte for byte", async () => {
  const single = await openGguf(fixturePath(`${FOLDER}/model-F32.gguf`));
  for (const number of [1, 3]) {
    const split = await openGguf(fixturePath(`${FOLDER}/${shard(number)}`));
    assertEquals(split.gguf.metadata.string("general.architecture"), "llama");
    assertEquals([...split.gguf.tensors.keys()].sort(), [...single.gguf.tensors.keys()].sort());
    for (const [name, info] of single.gguf.tensors) {
      const other = split.gguf.tensors.get(name);
      const [own, joined] = [new Uint8Array(info.sizeBytes), new Uint8Array(info.sizeBytes)];
      await single.source.read(info.offset, own);
      await split.source.read(other?.offset ?? 0, joined);
      assertEquals(joined, own, name);
    }
    await split.source.close();
  }
  await single.source.close();
});

Deno.test("openGguf: one read may cross the border of two shards", async () => {
  const { source } = await openGguf(fixturePath(`${FOLDER}/${shard(1)}`));
  const files = [1, 2, 3].map((i) => readFileSync(fixturePath(`${FOLDER}/${shard(i)}`)));
  const bytes = new Uint8Array(files[1].length + 20);
  await source.read(files[0].length - 10, bytes);
  assertEquals(Buffer.compare(bytes.subarray(0, 10), files[0].subarray(-10)), 0);
  assertEquals(Buffer.compare(bytes.subarray(10, -10), files[1]), 0);
  assertEquals(Buffer.compare(bytes.subarray(-10), files[2].subarray(0, 10)), 0);
  await assertRejects(() => source.read(source.sizeBytes - 1, new Uint8Array(2)), RangeError);
  await source.close();
});

Deno.test("openGguf: a missing shard is named", async () => {
  await withFolder(async (folder) => {
    const path = copyShards(folder, [1, 3]);
    const error = await assertRejects(() => openGguf(path), SourceError, "Shard 2 of 3");
    assertEquals(error.message.includes(shard(2)), true);
  });
});

Deno.test("openGguf: shards of different models or places are refused", async () => {
  await withFolder(async (folder) => {
    const path = copyShards(folder);
    const second = join(folder, shard(2));
    copyFileSync(join(folder, shard(3)), second);
    await assertRejects(() => openGguf(path), ModelError, "is part 3 of 3");
    const other = (spec: GgufSpec) =>
      withKey(spec as never, "split.count", { type: "uint16", value: 4 });
    await write(second, other);
    await assertRejects(() => openGguf(path), ModelError, "named 2 of 3 but is part 2 of 4");
    await write(second, (spec) => ({ ...spec, tensors: spec.tensors?.slice(1) }));
    await assertRejects(() => openGguf(path), ModelError, "20 tensors, the model has 21");
    const [first] = (await modelSpec(`${FOLDER}/${shard(1)}`)).tensors;
    await write(second, (spec) => ({ ...spec, tensors: [...spec.tensors ?? [], first] }));
    await assertRejects(() => openGguf(path), ModelError, `repeats tensor ${first.name}`);
    copyFileSync(fixturePath(`${FOLDER}/model-F32.gguf`), second);
    await assertRejects(() => openGguf(path), ModelError, "is no part of a split model");
  });
});

Deno.test("openGguf: a lone shard under another name says how to name it", async () => {
  const blob = new Blob([readFileSync(fixturePath(`${FOLDER}/${shard(2)}`))]);
  await assertRejects(() => openGguf(blob), ModelError, "part 2 of 3");
});
