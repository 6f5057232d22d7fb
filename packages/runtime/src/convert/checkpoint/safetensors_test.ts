/** Tests of safetensors.ts: sound heads, each malformed one by name, seeded mutations. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { readFileSync } from "node:fs";
import { fixturePath } from "../../../../../tests/support/fixture.ts";
import {
  safetensorsBytes,
  type TestEntry,
} from "../../../../../tests/support/safetensors_bytes.ts";
import { seededRandom } from "../../../../../tests/support/seeded_random.ts";
import { CheckpointError, UnsupportedError } from "../../errors.ts";
import { blobSource, type ByteSource } from "../../gguf/mod.ts";
import { MAX_HEADER_BYTES, readSafetensorsHead } from "./safetensors.ts";

const f32 = (shape: number[], from: number, to: number, dtype = "F32"): TestEntry => ({
  dtype,
  shape,
  data_offsets: [from, to],
});

function read(bytes: Uint8Array<ArrayBuffer>) {
  return readSafetensorsHead(blobSource(new File([bytes], "x.safetensors")));
}

Deno.test("readSafetensorsHead: tensors in the order of their bytes", async () => {
  const bytes = safetensorsBytes({
    __metadata__: { format: "pt" },
    b: f32([2, 3], 8, 32),
    a: f32([2, 2], 0, 8, "BF16"),
    none: f32([0], 32, 32),
    scalar: f32([], 32, 36),
  }, 36);
  const data = bytes.length - 36;
  const tensors = await read(bytes);
  assertEquals(
    tensors.map(({ name, dtype, offset, sizeBytes }) => [name, dtype, offset - data, sizeBytes]),
    [
      ["a", "BF16", 0, 8],
      ["b", "F32", 8, 24],
      ["none", "F32", 32, 0],
      ["scalar", "F32", 32, 4],
    ],
  );
});

Deno.test("readSafetensorsHead: malformed files are refused by name", async () => {
  const cases: [string, string | Record<string, unknown>, number][] = [
    ["is no JSON: a comma is wanted at line 1, column", '{"a": {} x}', 0],
    ['"a" is given twice', '{"a": {}, "a": {}}', 0],
    ["holds no JSON object", "[]", 0],
    ["describes tensor a by no object", { a: 1 }, 0],
    ["gives tensor a no dtype", { a: {} }, 0],
    ["gives tensor a no sound shape", { a: { ...f32([1], 0, 4), shape: [-1] } }, 4],
    ["gives tensor a no sound offsets", { a: { ...f32([1], 0, 4), data_offsets: [0] } }, 4],
    ["gives tensor a, F32 [3], 8 bytes instead of 12", { a: f32([3], 0, 8) }, 8],
    ["gives tensor a no sound shape", { a: f32([2, 1e300], 0, 8) }, 8],
    ["has tensor b overlap another one", { a: f32([2], 0, 8), b: f32([2], 4, 12) }, 12],
    ["has a gap of 4 bytes before tensor b", { a: f32([1], 0, 4), b: f32([1], 8, 12) }, 12],
    ["(a download cut short?)", { a: f32([4], 0, 16) }, 12],
    ["has 4 bytes after its tensors", { a: f32([1], 0, 4) }, 8],
    ['tensor "x\\ny"', { "x\ny": f32([1], 4, 8) }, 8],
  ];
  for (const [message, header, data] of cases) {
    const error = await assertRejects(
      () => read(safetensorsBytes(header, data)),
      CheckpointError,
      message,
    );
    assert((error as Error).message.includes("x.safetensors"), message);
  }
  await assertRejects(
    () => read(safetensorsBytes({ a: f32([1], 0, 4, "F99") }, 4)),
    UnsupportedError,
    "The dtype F99 of tensor a in x.safetensors is not known",
  );
  await assertRejects(() => read(new Uint8Array(5)), CheckpointError, "has 5 bytes");
  const long = new Uint8Array(64);
  new DataView(long.buffer).setBigUint64(0, 2n ** 63n, true);
  await assertRejects(
    () => read(long),
    CheckpointError,
    "says that its header has 9223372036854775808",
  );
  await assertRejects(
    () => read(safetensorsBytes(" ", 0).fill(0xff, 8)),
    CheckpointError,
    "no UTF-8",
  );
});

Deno.test("readSafetensorsHead: a header beyond the limit is refused before it is read", async () => {
  let asked = 0;
  const source: ByteSource = {
    name: "huge",
    sizeBytes: 2 ** 40,
    read(_offset, into) {
      asked += into.length;
      new DataView(into.buffer).setBigUint64(0, BigInt(MAX_HEADER_BYTES) + 1n, true);
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
  };
  await assertRejects(() => readSafetensorsHead(source), CheckpointError, "more than the");
  assertEquals(asked, 8);
});

const ROUNDS = 3000;

Deno.test(`readSafetensorsHead: ${ROUNDS} mutated heads parse or give an error of ours, cheaply`, async () => {
  const random = seededRandom(5);
  const original = new Uint8Array(
    readFileSync(fixturePath("models/qwen2/hf_sharded/model-00003-of-00003.safetensors")),
  );
  const headBytes = 8 + Number(new DataView(original.buffer).getBigUint64(0, true));
  const seen = { parsed: 0, refused: 0 };
  for (let round = 0; round < ROUNDS; round++) {
    const bytes = mutated(original, headBytes, random);
    let asked = 0;
    const source: ByteSource = {
      ...blobSource(new Blob([])),
      sizeBytes: bytes.length,
      read(offset, into) {
        asked += into.length;
        into.set(bytes.subarray(offset, offset + into.length));
        return Promise.resolve();
      },
    };
    try {
      for (const { offset, sizeBytes } of await readSafetensorsHead(source)) {
        assert(offset + sizeBytes <= bytes.length, `round ${round}: tensor outside the file`);
      }
      seen.parsed++;
    } catch (error) {
      const ours = error instanceof CheckpointError || error instanceof UnsupportedError;
      assert(ours, `round ${round}: ${error}`);
      assert(!(error as Error).message.includes("\n"), `round ${round}: more than one line`);
      seen.refused++;
    }
    assert(asked <= bytes.length, `round ${round}: read more than the file`);
  }
  assert(seen.parsed > 50 && seen.refused > 1000, JSON.stringify(seen));
});

/** Some bytes of the head replaced, moved or cut; digits often, for they are what counts. */
function mutated(original: Uint8Array, headBytes: number, random: (limit: number) => number) {
  let bytes = original.slice();
  for (let times = 1 + random(3); times > 0; times--) {
    const at = random(Math.min(headBytes, bytes.length));
    switch (random(6)) {
      case 0:
        bytes[at] = random(256);
        break;
      case 1:
        bytes[at] ^= 1 << random(8);
        break;
      case 2:
        bytes.copyWithin(at, random(headBytes), random(headBytes));
        break;
      case 3:
        bytes[random(8)] = random(256);
        break;
      case 4:
        if (bytes[at] >= 0x30 && bytes[at] <= 0x39) bytes[at] = 0x30 + random(10);
        break;
      default:
        if (random(4) === 0) bytes = bytes.slice(0, at);
    }
  }
  return bytes;
}
