/** Split models that are incomplete or mixed, through the command line. One line that names the shard, exit 1. */
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { withFolder } from "../support/edited_model.ts";
import { assertFails, FAILED } from "../support/failing_command.ts";
import { fixturePath } from "../support/fixture.ts";

const FOLDER = "models/llama_untied/gguf";
const shard = (number: number): string => `model-F32-split-0000${number}-of-00003.gguf`;
const RUN = ["--ids", "1,2", "--max-tokens", "1"];

/** A folder with the model's shards; `from[i]` is the file that stands for shard i + 1, undefined: none. */
async function refused(from: readonly (string | undefined)[], part: string): Promise<void> {
  await withFolder(async (folder) => {
    from.forEach((name, index) => {
      if (name) copyFileSync(fixturePath(`${FOLDER}/${name}`), join(folder, shard(index + 1)));
    });
    const present = from.findIndex((name) => name !== undefined) + 1;
    const path = join(folder, shard(present));
    for (const words of [["run", path, ...RUN], ["inspect", path], ["tokenize", path, "-"]]) {
      await assertFails(words, FAILED, part);
    }
  });
}

Deno.test("bad shards: a missing one is named", async () => {
  await refused([shard(1), undefined, shard(3)], `Shard 2 of 3 (`);
  await refused([shard(1), shard(2), undefined], shard(3));
  await refused([undefined, shard(2), shard(3)], `Shard 1 of 3 (`);
});

Deno.test("bad shards: in another order, twice, or of another model", async () => {
  await refused([shard(2), shard(1), shard(3)], "is named 1 of 3 but is part 2 of 3");
  await refused([shard(1), shard(2), shard(2)], "is named 3 of 3 but is part 2 of 3");
  await refused([shard(1), "model-F16.gguf", shard(3)], "is no part of a split model");
});
