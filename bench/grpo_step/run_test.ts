/** Words of the command. */
import { assertEquals, assertThrows } from "@std/assert";
import { readSettings } from "./run.ts";

Deno.test("readSettings: a step to warm up is added, ways are known by name", () => {
  const { steps, ways, peerBatch, repeats } = readSettings(["--ways", "lean", "--steps", "4"]);
  assertEquals({ steps, ways, peerBatch, repeats }, {
    ...{ steps: 5, ways: ["lean"], peerBatch: 256, repeats: 2 },
  });
});

Deno.test("readSettings: what is wrong is named", () => {
  const refused: [string[], string][] = [
    [["--ways", "slow"], 'No way "slow"'],
    [["--repeat", "0"], '--repeat is "0"'],
    [["--peer-batch", "100"], "--peer-batch is 100"],
    [["--peer-batch", "4"], "--peer-batch is 4"],
  ];
  for (const [words, text] of refused) assertThrows(() => readSettings(words), RangeError, text);
});
