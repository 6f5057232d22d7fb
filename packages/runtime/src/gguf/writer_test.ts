/** Tests of writer.ts: what the reader gives goes back to the same bytes, what cannot be written is refused. */
import { assertEquals, assertRejects } from "@std/assert";
import { readFileSync } from "node:fs";
import { ggufBytes } from "../../../../tests/support/gguf_bytes.ts";
import { fixturePath } from "../../../../tests/support/fixture.ts";
import { ModelError } from "../errors.ts";
import type { MetadataEntry } from "./metadata_value.ts";
import { readGguf } from "./reader.ts";
import { blobSource } from "./source/blob_source.ts";
import { StringArray } from "./string_array.ts";
import { type GgufContent, type TensorToWrite, writeGguf } from "./writer.ts";

async function written(content: GgufContent): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  const size = await writeGguf({ write: (part) => void parts.push(new Uint8Array(part)) }, content);
  const bytes = new Uint8Array(await new Blob(parts).arrayBuffer());
  assertEquals(bytes.length, size);
  return bytes;
}

/** A file read and written again, its data in chunks of 1000 bytes. */
async function again(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const gguf = await readGguf(blobSource(new Blob([bytes])));
  const tensors = [...gguf.tensors.values()].map(({ name, dims, type, offset, sizeBytes }) => ({
    name,
    dims,
    type: type.name,
    *data() {
      for (let at = 0; at < sizeBytes; at += 1000) {
        yield bytes.subarray(offset + at, offset + Math.min(sizeBytes, at + 1000));
      }
    },
  }));
  return await written({ metadata: gguf.metadata.entries(), tensors });
}

Deno.test("writeGguf: files of llama.cpp come back byte for byte", async () => {
  for (const file of ["llama_untied/gguf/model-F32", "llama_k256/gguf/model-IQ4_XS"]) {
    const bytes = new Uint8Array(readFileSync(fixturePath(`models/${file}.gguf`)));
    assertEquals(await again(bytes), bytes, file);
  }
});

Deno.test("writeGguf: every type of value comes back, another alignment is kept", async () => {
  const list = (of: string, items: unknown[]) => ({ type: "array", of, items }) as const;
  const bytes = ggufBytes({
    alignment: 64,
    metadata: [
      ["general.alignment", { type: "uint32", value: 64 }],
      ["a", { type: "uint8", value: 255 }],
      ["b", { type: "int8", value: -128 }],
      ["c", { type: "uint16", value: 65535 }],
      ["d", { type: "int16", value: -32768 }],
      ["e", { type: "int32", value: -1 }],
      ["f", { type: "float32", value: 1e-5 }],
      ["g", { type: "bool", value: true }],
      ["h", { type: "string", value: "naïve\u{1f600}" }],
      ["i", { type: "uint64", value: 2n ** 64n - 1n }],
      ["j", { type: "int64", value: -5 }],
      ["k", { type: "float64", value: Math.PI }],
      ["l", list("string", ["", "x", "ÿ"]) as never],
      ["m", list("bool", [true, false]) as never],
      ["n", list("int64", [1, -(2n ** 60n)]) as never],
      ["o", list("uint64", [1, 2]) as never],
      ["p", list("float32", [0.5, Infinity]) as never],
      ["q", list("array", [list("int32", [1]), list("string", ["y"])]) as never],
      ["r", list("float64", []) as never],
    ],
    tensors: [
      { name: "x", dims: [16], data: new Uint8Array(64).fill(7) },
      { name: "y", dims: [32, 16], type: "Q4_0", data: new Uint8Array(288).fill(9) },
    ],
  });
  const padded = new Uint8Array(Math.ceil(bytes.length / 64) * 64);
  padded.set(bytes);
  assertEquals(await again(bytes), padded);
});

Deno.test("writeGguf: what cannot be written is refused before or while it is", async () => {
  const tensor = (change: Partial<TensorToWrite>): GgufContent => ({
    metadata: [],
    tensors: [{ name: "x", dims: [32], type: "F32", data: () => [new Uint8Array(128)], ...change }],
  });
  const key = (entry: MetadataEntry): GgufContent => ({ metadata: [["k", entry]], tensors: [] });
  const cases: [GgufContent, string][] = [
    [tensor({ type: "F7" }), "Tensor x has the unknown type F7"],
    [tensor({ dims: [31], type: "Q8_0" }), "Tensor x [31] cannot be written as Q8_0"],
    [tensor({ dims: [] }), "Tensor x [] cannot be written as F32"],
    [tensor({ dims: [32, 0] }), "Tensor x [32,0] cannot be written"],
    [tensor({ name: "x".repeat(64) }), "has more than the 63 bytes allowed"],
    [tensor({ data: () => [new Uint8Array(127)] }), "takes 128 bytes, its data gave 127"],
    [
      tensor({ data: () => [new Uint8Array(128), new Uint8Array(1)] }),
      "takes 128 bytes, its data gave more",
    ],
    [
      { metadata: [], tensors: [...tensor({}).tensors, ...tensor({}).tensors] },
      "Tensor x is given twice",
    ],
    [
      {
        metadata: [["k", { type: "uint8", value: 1 }], ["k", { type: "uint8", value: 1 }]],
        tensors: [],
      },
      "Metadata key k is given twice",
    ],
    [key({ type: "uint8", value: 256 }), "Metadata key k cannot hold 256 as uint8"],
    [key({ type: "int64", value: 2n ** 63n }), "as int64"],
    [key({ type: "uint32", value: 1.5 }), "cannot hold 1.5 as uint32"],
    [key({ type: "string", value: 3 }), "cannot hold 3 as string"],
    [key({ type: "bool", value: 1 }), "cannot hold 1 as bool"],
    [
      key({ type: "array", elementType: "int32", value: StringArray.from(["a"]) }),
      "cannot hold a list of strings as int32",
    ],
    [
      { metadata: [["general.alignment", { type: "uint32", value: 3 }]], tensors: [] },
      "general.alignment must be a power of two, found 3",
    ],
  ];
  for (const [content, message] of cases) {
    await assertRejects(() => written(content), ModelError, message);
  }
});
