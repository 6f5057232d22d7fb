/** Seeded fuzzing of the GGUF reader: whatever the bytes, it parses or throws an error of ours. */
import { assert } from "@std/assert";
import { ggufBytes, plainMetadata } from "../../../../tests/support/gguf_bytes.ts";
import { GgufError, ModelError, UnsupportedError } from "../errors.ts";
import { readGguf } from "./reader.ts";
import type { ByteSource } from "./source.ts";

const HEADERS = 2_000;
/** A sound header of this size takes well under a millisecond. */
const LIMIT_MS = 1_000;

/** Park and Miller's generator: enough for picking bytes. */
function randomBelow(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => (state = state * 48271 % 2147483647) % limit;
}

/** A source that counts what was asked for; more than the file holds would be a blind allocation. */
function countingSource(bytes: Uint8Array): { source: ByteSource; asked: () => number } {
  let asked = 0;
  return {
    asked: () => asked,
    source: {
      name: "fuzz",
      sizeBytes: bytes.length,
      read(offset: number, into: Uint8Array): Promise<void> {
        asked += into.length;
        into.set(bytes.subarray(offset, offset + into.length));
        return Promise.resolve();
      },
      close: () => Promise.resolve(),
    },
  };
}

function seedHeader(): Uint8Array {
  return ggufBytes({
    metadata: [
      ...plainMetadata({
        "general.architecture": "llama",
        "llama.block_count": 2,
        "llama.rope.freq_base": 10000.5,
        "tokenizer.ggml.tokens": ["<s>", "</s>", "a", "b", "ab"],
        "tokenizer.ggml.token_type": [3, 3, 1, 1, -1],
        "tokenizer.ggml.add_bos_token": true,
      }),
      ["size", { type: "uint64", value: 2n ** 40n }],
      ["nested", {
        type: "array",
        of: "array",
        items: [{ type: "array", of: "int16", items: [1, 2, 3] }],
      }],
    ],
    tensors: [
      { name: "token_embd.weight", dims: [32, 5], type: "Q4_0" },
      { name: "blk.0.attn_q.weight", dims: [32, 32], type: "Q8_0" },
      { name: "output_norm.weight", dims: [32] },
    ],
  });
}

const EXTREMES = [0n, 1n, 0xffn, 0x7fffffffn, 0xffffffffn, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n];

/** Some of: bytes replaced, a bit flipped, an extreme 64-bit number, a piece moved, the end cut off. */
function mutate(
  original: Uint8Array,
  headBytes: number,
  below: (limit: number) => number,
): Uint8Array {
  let bytes = original.slice();
  const view = new DataView(bytes.buffer);
  for (let times = 1 + below(4); times > 0; times--) {
    const at = below(headBytes);
    switch (below(5)) {
      case 0:
        bytes[at] = below(256);
        break;
      case 1:
        bytes[at] ^= 1 << below(8);
        break;
      case 2:
        view.setBigUint64(at, EXTREMES[below(EXTREMES.length)], true);
        break;
      case 3:
        bytes.copyWithin(at, below(headBytes), below(headBytes));
        break;
      default:
        if (below(4) === 0) bytes = bytes.slice(0, Math.max(16, at));
        break;
    }
    if (bytes.length !== original.length) break;
  }
  return bytes;
}

Deno.test(`readGguf: ${HEADERS} mutated headers parse or give an error of ours, soon and cheaply`, async () => {
  const below = randomBelow(20260101);
  const original = seedHeader();
  const headBytes = (await readGguf(countingSource(original).source)).dataOffset;
  const seen = { parsed: 0, refused: 0 };
  for (let i = 0; i < HEADERS; i++) {
    const bytes = mutate(original, headBytes, below);
    const { source, asked } = countingSource(bytes);
    const start = performance.now();
    try {
      const { metadata, tensors } = await readGguf(source);
      for (const { offset, sizeBytes } of tensors.values()) {
        assert(offset + sizeBytes <= bytes.length, `header ${i}: tensor outside the file`);
      }
      [...metadata.optionalStrings("tokenizer.ggml.tokens") ?? []].join();
      seen.parsed++;
    } catch (error) {
      const ours = error instanceof GgufError || error instanceof ModelError ||
        error instanceof UnsupportedError;
      assert(ours, `header ${i}: ${error}`);
      assert(!(error as Error).message.includes("\n"), `header ${i}: more than one line`);
      seen.refused++;
    }
    assert(performance.now() - start < LIMIT_MS, `header ${i}: too slow`);
    assert(asked() <= bytes.length, `header ${i}: read more than the file`);
  }
  assert(seen.parsed > 100 && seen.refused > 1000, JSON.stringify(seen));
});
