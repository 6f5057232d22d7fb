/** Tests of read_ahead.ts over bytes in memory. */
import { assertEquals, assertRejects } from "@std/assert";
import { seededRandom } from "../../../../../tests/support/seeded_random.ts";
import { ReadAhead } from "./read_ahead.ts";

const BYTES = Uint8Array.from({ length: 1000 }, (_, i) => i * 31 % 251);

function readAhead(): { ahead: ReadAhead; fetched: string[] } {
  const fetched: string[] = [];
  const ahead = new ReadAhead(BYTES.length, (offset, into) => {
    fetched.push(`${offset}+${into.length}`);
    into.set(BYTES.subarray(offset, offset + into.length));
    return Promise.resolve();
  }, 64);
  return { ahead, fetched };
}

Deno.test("ReadAhead: reads near each other share a block, the last block is short", async () => {
  const { ahead, fetched } = readAhead();
  const into = new Uint8Array(10);
  for (const offset of [70, 64, 118, 100, 990]) {
    await ahead.read(offset, into);
    assertEquals(into, BYTES.slice(offset, offset + 10));
  }
  await ahead.read(60, into); // across a border
  assertEquals(into, BYTES.slice(60, 70));
  assertEquals(fetched, ["64+64", "960+40", "0+64"]);
});

Deno.test("ReadAhead: what is larger than a block goes straight through", async () => {
  const { ahead, fetched } = readAhead();
  const into = new Uint8Array(300);
  await ahead.read(5, into);
  assertEquals(into, BYTES.slice(5, 305));
  await ahead.read(5, new Uint8Array(0));
  assertEquals(fetched, ["5+300"]);
});

Deno.test("ReadAhead: any reads give the bytes, and a failed block is asked for again", async () => {
  const { ahead } = readAhead();
  const random = seededRandom(5);
  for (let round = 0; round < 500; round++) {
    const offset = random(1000);
    const into = new Uint8Array(random(Math.min(100, 1000 - offset)));
    await ahead.read(offset, into);
    assertEquals(into, BYTES.slice(offset, offset + into.length));
  }
  let calls = 0;
  const failing = new ReadAhead(
    100,
    () => calls++ ? Promise.resolve() : Promise.reject(new Error("cut")),
    64,
  );
  await assertRejects(() => failing.read(0, new Uint8Array(1)), Error, "cut");
  await failing.read(0, new Uint8Array(1));
  assertEquals(calls, 2);
});
