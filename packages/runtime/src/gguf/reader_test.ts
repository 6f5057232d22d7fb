/** Tests of the GGUF reader on well-formed files and on every kind of malformed one. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import {
  type ArrayValue,
  ggufBytes,
  type GgufSpec,
  plainMetadata,
  type TypedValue,
} from "../../../../tests/support/gguf_bytes.ts";
import { GgufError } from "../errors.ts";
import { type Gguf, readGguf } from "./reader.ts";
import { blobSource } from "./source/blob_source.ts";
import { StringArray } from "./string_array.ts";

const read = (bytes: Uint8Array<ArrayBuffer>): Promise<Gguf> =>
  readGguf(blobSource(new Blob([bytes])));

const array = (of: ArrayValue["of"], items: readonly unknown[]): ArrayValue => ({
  type: "array",
  of,
  items,
});

const SCALARS: readonly [string, TypedValue, unknown][] = [
  ["u8", { type: "uint8", value: 255 }, 255],
  ["i8", { type: "int8", value: -128 }, -128],
  ["u16", { type: "uint16", value: 65535 }, 65535],
  ["i16", { type: "int16", value: -32768 }, -32768],
  ["u32", { type: "uint32", value: 4294967295 }, 4294967295],
  ["i32", { type: "int32", value: -2147483648 }, -2147483648],
  ["f32", { type: "float32", value: 0.5 }, 0.5],
  ["yes", { type: "bool", value: true }, true],
  ["text", { type: "string", value: "\ufeffÄ\n漢" }, "\ufeffÄ\n漢"],
  ["u64", { type: "uint64", value: 2n ** 53n - 1n }, 2 ** 53 - 1],
  ["u64 large", { type: "uint64", value: 2n ** 64n - 1n }, 2n ** 64n - 1n],
  ["i64", { type: "int64", value: -5n }, -5],
  ["i64 large", { type: "int64", value: -(2n ** 63n) }, -(2n ** 63n)],
  ["f64", { type: "float64", value: Math.PI }, Math.PI],
];

const ARRAYS: readonly [string, TypedValue, unknown][] = [
  ["a u8", array("uint8", [1, 2]), Uint8Array.of(1, 2)],
  ["a i8", array("int8", [-1]), Int8Array.of(-1)],
  ["a u16", array("uint16", [9]), Uint16Array.of(9)],
  ["a i16", array("int16", [-9]), Int16Array.of(-9)],
  ["a u32", array("uint32", [7, 8]), Uint32Array.of(7, 8)],
  ["a i32", array("int32", [-7]), Int32Array.of(-7)],
  ["a f32", array("float32", [1.5]), Float32Array.of(1.5)],
  ["a bool", array("bool", [true, false]), Uint8Array.of(1, 0)],
  ["a u64", array("uint64", [3n]), Float64Array.of(3)],
  ["a u64 large", array("uint64", [2n ** 60n]), BigUint64Array.of(2n ** 60n)],
  ["a i64", array("int64", [-3n]), Float64Array.of(-3)],
  ["a i64 large", array("int64", [-(2n ** 60n)]), BigInt64Array.of(-(2n ** 60n))],
  ["a f64", array("float64", [0.1]), Float64Array.of(0.1)],
];

for (const version of [2, 3] as const) {
  Deno.test(`readGguf: reads every metadata type of version ${version}`, async () => {
    const wanted = [...SCALARS, ...ARRAYS];
    const metadata: GgufSpec["metadata"] = wanted.map(([key, typed]) => [key, typed]);
    const gguf = await read(ggufBytes({ version, metadata }));
    assertEquals(gguf.version, version);
    for (const [key, typed, value] of wanted) {
      assertEquals(gguf.metadata.get(key)?.type, typed.type, key);
      assertEquals(gguf.metadata.get(key)?.value, value, key);
    }
  });
}

Deno.test("readGguf: reads string arrays and nested arrays", async () => {
  const metadata: GgufSpec["metadata"] = [
    ["words", array("string", ["", "Ġ a", Uint8Array.of(0xff, 0x41)])],
    ["nested", array("array", [array("string", ["x"]), array("array", [array("int8", [1])])])],
    ["none", array("string", [])],
  ];
  const gguf = await read(ggufBytes({ metadata }));
  const words = gguf.metadata.strings("words");
  assertEquals([...words], ["", "Ġ a", "\ufffdA"]);
  assertEquals([...words.bytes(2)], [0xff, 0x41]);
  const [first, second] = gguf.metadata.get("nested")!.value as unknown as {
    value: unknown;
  }[];
  assert(first.value instanceof StringArray);
  assertEquals(first.value.at(0), "x");
  const inner = second.value as { value: unknown }[];
  assertEquals(inner[0].value, Int8Array.of(1));
  assertEquals(gguf.metadata.strings("none").length, 0);
});

Deno.test("readGguf: places tensors behind the aligned head", async () => {
  const bytes = ggufBytes({
    metadata: plainMetadata({ "general.alignment": 64 }),
    alignment: 64,
    tensors: [
      { name: "a", dims: [3, 2], data: new Uint8Array(24).fill(1) },
      { name: "b", dims: [64, 2, 1, 1], type: "Q4_1", data: new Uint8Array(80).fill(2) },
      { name: "scalar", dims: [], data: new Uint8Array(4).fill(3) },
    ],
  });
  const gguf = await read(bytes);
  assertEquals(gguf.alignment, 64);
  assertEquals(gguf.dataOffset % 64, 0);
  const [a, b, scalar] = gguf.tensors.values();
  assertEquals([a.dims, a.type.name, a.sizeBytes], [[3, 2], "F32", 24]);
  assertEquals([b.dims, b.type.name, b.sizeBytes], [[64, 2, 1, 1], "Q4_1", 80]);
  assertEquals(scalar.dims, [1]);
  assertEquals([bytes[a.offset], bytes[b.offset], bytes[scalar.offset]], [1, 2, 3]);
  assertEquals(b.offset, gguf.dataOffset + 64);
});

Deno.test("readGguf: a head longer than the first window is read whole", async () => {
  const words = Array.from({ length: 60_000 }, (_, i) => `word number ${i}`);
  const metadata: GgufSpec["metadata"] = [
    ["words", array("string", words)],
    ["after", { type: "uint8", value: 7 }],
  ];
  const gguf = await read(ggufBytes({ metadata, tensors: [{ name: "t", dims: [4] }] }));
  assertEquals(gguf.metadata.strings("words").at(59_999), "word number 59999");
  assertEquals(gguf.metadata.number("after"), 7);
});

const F32 = { name: "t", dims: [8] } as const;
const nestedFive = array("array", [array("array", [array("array", [
  array("array", [array("uint8", [1])]),
])])]);

const MALFORMED: readonly [string, GgufSpec, string][] = [
  ["version 1", { version: 1 }, "version 1 is not read"],
  ["big-endian", { version: 0x03000000 }, "big-endian"],
  ["an unknown version", { version: 4 }, "version 4 is not known"],
  ["absurd tensor count", { claimedTensors: 2n ** 60n }, "1152921504606846976, more than"],
  ["tensor count beyond the file", { claimedTensors: 100_000n }, "100000 tensors needs"],
  ["absurd key count", { claimedPairs: 2n ** 64n - 1n }, "18446744073709551615, more than"],
  ["key count beyond the file", { claimedPairs: 60_000n }, "60000 metadata keys"],
  ["unknown value type", {
    metadata: [["k", array(99 as unknown as "uint8", [])]],
  }, "known are 0 to 12"],
  ["absurd array length", {
    metadata: [["k", { ...array("uint8", []), claimedLength: 2n ** 40n }]],
  }, "more than the 16777216 allowed"],
  ["array beyond the file", {
    metadata: [["k", { ...array("string", []), claimedLength: 1_000_000n }]],
  }, "but the file ends after 0"],
  ["arrays nested too deeply", { metadata: [["k", nestedFive]] }, "deeper than the 4"],
  ["too many nested arrays", {
    metadata: [["k", array("array", new Array(20_000).fill(array("int8", [])))]],
  }, "more than the 16384 nested arrays"],
  ["a bool of 2", { metadata: [["k", { type: "bool", value: 2 }]] }, "bool of value 2"],
  ["a bool of 2 in an array", { metadata: [["k", array("bool", [0, 2])]] }, "bool of value 2"],
  ["a key given twice", {
    metadata: [["k", { type: "uint8", value: 1 }], ["k", { type: "uint8", value: 2 }]],
  }, `"k" is given twice`],
  ["an alignment of 24", { metadata: plainMetadata({ "general.alignment": 24 }) }, "power of two"],
  ["an alignment of 0", { metadata: plainMetadata({ "general.alignment": 0 }) }, "power of two"],
  ["an alignment of text", { metadata: plainMetadata({ "general.alignment": "x" }) }, "power of"],
  ["a tensor listed twice", { tensors: [F32, F32] }, `tensor "t" is listed twice`],
  ["five dimensions", { tensors: [{ name: "t", dims: [1, 1, 1, 1, 1] }] }, "5 dimensions"],
  ["a dimension of 0", { tensors: [{ name: "t", dims: [4, 0] }] }, "dimension of 0"],
  ["a product that overflows", {
    tensors: [{ name: "t", dims: [2n ** 32n, 2n ** 32n] }],
  }, "larger than the file"],
  ["a dimension beyond 2^53", {
    tensors: [{ name: "t", dims: [2n ** 63n] }],
  }, "more than the 9007199254740991"],
  ["an unknown tensor type", { tensors: [{ ...F32, type: 77 }] }, "unknown type 77"],
  ["a row that is no whole block", {
    tensors: [{ name: "t", dims: [33], type: "Q8_0" }],
  }, "no multiple of the 32"],
  ["a misaligned tensor", { tensors: [{ ...F32, offset: 8n }] }, "no multiple of the alignment 32"],
  ["a tensor outside the file", { tensors: [{ ...F32, offset: 4096n }] }, "outside the file"],
  ["an offset beyond 2^53", { tensors: [{ ...F32, offset: 2n ** 63n }] }, "more than"],
  ["tensors that overlap", {
    tensors: [{ name: "a", dims: [64] }, { name: "b", dims: [64], offset: 32n }],
  }, `"b" overlaps tensor "a"`],
  ["tensors in one place", {
    tensors: [{ name: "a", dims: [8] }, { name: "b", dims: [8], offset: 0n }],
  }, "overlaps"],
];

for (const [what, spec, message] of MALFORMED) {
  Deno.test(`readGguf: refuses ${what}`, async () => {
    const error = await assertRejects(() => read(ggufBytes(spec)), GgufError, message);
    assert(!error.message.includes("\n"));
    assert((error as GgufError).offset >= 0);
  });
}

Deno.test("readGguf: an absurd string length is refused before anything is allocated", async () => {
  const bytes = ggufBytes({ metadata: plainMetadata({ k: "value" }) });
  new DataView(bytes.buffer).setBigUint64(24, 2n ** 62n, true);
  await assertRejects(() => read(bytes), GgufError, "more than the 65535 allowed (at byte 24)");
});

Deno.test("readGguf: a file cut anywhere is refused", async () => {
  const whole = ggufBytes({
    metadata: [...SCALARS, ...ARRAYS].map(([key, typed]) => [key, typed]),
    tensors: [F32],
  });
  await read(whole);
  for (let length = 0; length < whole.length; length++) {
    const error = await assertRejects(() => read(whole.slice(0, length)), GgufError);
    assert(!error.message.includes("\n"));
  }
});

const OTHER_FILES: readonly [string, string, string][] = [
  ["an empty file", "", "the file is empty"],
  ["an HTML page", "<!DOCTYPE html><html></html>", "HTML page"],
  ["a zip archive", "PK\x03\x04 and so on", "zip archive"],
  ["a safetensors file", `\x20\x01\0\0\0\0\0\0{"a":{"dtype":"F32"`, "safetensors"],
  ["a Git LFS pointer", "version https://git-lfs.github.com/spec/v1", "Git LFS pointer"],
  ["an older ggml file", "tjgg\x03\0\0\0", "older ggml file"],
  ["gzip data", "\x1f\x8b\b\0", "gzip"],
  ["JSON text", `{"error": "not found"}`, "JSON"],
  ["zeros", "\0\0\0\0\0\0\0\0", "begins with zeros"],
  ["anything else", "hello", "begins with the bytes 68 65 6c 6c"],
];

for (const [what, text, message] of OTHER_FILES) {
  Deno.test(`readGguf: says what ${what} is`, async () => {
    const bytes = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
    const error = await assertRejects(() => read(bytes), GgufError, message);
    assertStringIncludes(error.message, "Blob: ");
  });
}
