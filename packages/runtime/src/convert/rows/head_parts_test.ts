/** Tests of head_parts.ts and expert_stacks.ts: the order of values, however rows are cut into reads. */
import { assertEquals, assertThrows } from "@std/assert";
import { CheckpointError } from "../../errors.ts";
import { type GgmlType, ggmlTypeByName } from "../../gguf/mod.ts";
import type { FloatTensor } from "../../quantize/mod.ts";
import { ExpertStacks, stacked } from "./expert_stacks.ts";
import { keyParts, valueParts } from "./head_parts.ts";
import { widenedRows } from "./widened_rows.ts";

/** A matrix whose values number its places from `start` on. */
function numbered(name: string, cols: number, rows: number, type = "F32", start = 0): FloatTensor {
  const known = ggmlTypeByName(type) as GgmlType;
  const Values = type === "F32" ? Uint32Array : Uint16Array;
  return {
    name,
    dims: [cols, rows],
    type: known,
    readRows(row, into) {
      const count = into.length / known.blockBytes;
      const values = new Values(Array.from({ length: count }, (_, i) => start + row * cols + i));
      into.set(new Uint8Array(values.buffer));
      return Promise.resolve();
    },
  };
}

/** Rows as the numbers that `numbered` gave them. */
async function read(tensor: FloatTensor, first: number, count: number): Promise<number[]> {
  const into = new Uint8Array(count * tensor.dims[0] * tensor.type.blockBytes);
  await tensor.readRows(first, into);
  return [
    ...tensor.type.name === "F32" ? new Uint32Array(into.buffer) : new Uint16Array(into.buffer),
  ];
}

async function checkCuts(tensor: FloatTensor, wanted: readonly number[]): Promise<void> {
  const [cols, ...counts] = tensor.dims;
  const rows = counts.reduce((product, size) => product * size);
  assertEquals(rows * cols, wanted.length);
  for (let first = 0; first < rows; first++) {
    for (let count = 1; first + count <= rows; count++) {
      const found = await read(tensor, first, count);
      assertEquals(found, wanted.slice(first * cols, (first + count) * cols), `${first} ${count}`);
    }
  }
}

Deno.test("keyParts, valueParts: of each head keys transposed and values as they are", async () => {
  const [heads, nopeSize, valueSize, rank] = [3, 2, 4, 5];
  const parts = { heads, nopeSize, valueSize };
  for (const type of ["F32", "BF16"]) {
    const whole = numbered("k", rank, heads * (nopeSize + valueSize), type);
    const [keys, values] = [keyParts(whole, parts), valueParts(whole, "v", parts)];
    assertEquals([keys.name, keys.dims], ["k", [nopeSize, rank, heads]]);
    assertEquals([values.name, values.dims], ["v", [rank, valueSize, heads]]);
    const at = (head: number, row: number, col: number) =>
      (head * (nopeSize + valueSize) + row) * rank + col;
    const wantedKeys: number[] = [];
    const wantedValues: number[] = [];
    for (let head = 0; head < heads; head++) {
      for (let r = 0; r < rank; r++) {
        for (let n = 0; n < nopeSize; n++) wantedKeys.push(at(head, n, r));
      }
      for (let v = 0; v < valueSize; v++) {
        for (let r = 0; r < rank; r++) wantedValues.push(at(head, nopeSize + v, r));
      }
    }
    await checkCuts(keys, wantedKeys);
    await checkCuts(values, wantedValues);
  }
});

Deno.test("stacked: one matrix after the other", async () => {
  const members = [0, 1, 2].map((i) => numbered("x", 3, 4, "F16", 100 * i));
  const tensor = stacked(members);
  assertEquals(tensor.dims, [3, 4, 3]);
  await checkCuts(
    tensor,
    [0, 1, 2].flatMap((i) => Array.from({ length: 12 }, (_, k) => 100 * i + k)),
  );
});

Deno.test("ExpertStacks: a layer's stacks come with its last expert, in order of experts and names", async () => {
  const stacks = new ExpertStacks();
  const add = (part: string, layer: number, index: number, type?: string) => {
    const tensor = numbered(`blk.${layer}.ffn_${part}_exps.weight`, 1, 1, type, 10 * layer + index);
    return stacks.add(tensor, { layer, index, experts: 2 }, "a.safetensors");
  };
  for (const [part, index] of [["up", 1], ["gate", 0], ["gate", 1], ["down", 1]] as const) {
    assertEquals(add(part, 4, index), []);
    assertEquals(add(part, 5, index), []);
  }
  assertEquals(add("down", 4, 0), []);
  const found = add("up", 4, 0);
  assertEquals(found.map(({ name }) => name), [
    "blk.4.ffn_down_exps.weight",
    "blk.4.ffn_gate_exps.weight",
    "blk.4.ffn_up_exps.weight",
  ]);
  for (const stack of found) assertEquals(await read(stack, 0, 2), [40, 41]);
  assertThrows(
    () => add("down", 5, 0, "BF16"),
    CheckpointError,
    "Experts of blk.5.ffn_down_exps.weight are stored as F32 and as BF16",
  );
});

Deno.test("widenedRows: BF16 and F16 become the same values in F32", async () => {
  const bits = (type: string, list: number[]): FloatTensor => ({
    ...numbered("r", list.length, 1, type),
    readRows(_row, into) {
      into.set(new Uint8Array(Uint16Array.from(list).buffer));
      return Promise.resolve();
    },
  });
  const values = async (tensor: FloatTensor) => {
    const wide = widenedRows(tensor);
    assertEquals(wide.type.name, "F32");
    const into = new Uint8Array(4 * tensor.dims[0]);
    await wide.readRows(0, into);
    return [...new Float32Array(into.buffer)];
  };
  assertEquals(await values(bits("BF16", [0x3f80, 0xbf00, 0x4049, 0])), [1, -0.5, 3.140625, 0]);
  assertEquals(
    await values(bits("F16", [0x3c00, 0xb800, 0x7bff, 0x0001, 0x8000])),
    [1, -0.5, 65504, 2 ** -24, -0],
  );
});
