/** A wasm module of one function that reads memory as fast as it can, assembled here. Starts and times nothing. */

/** The module's only export. */
export interface ReadLoop {
  /** Reads [from, end), whole runs of `READ_RUN_BYTES`; gives whether any bit differs among the accumulators' sum and 0. */
  read(from: number, end: number): number;
}

/** Bytes of one turn of the loop. */
export const READ_RUN_BYTES = 256;

const VECTOR_BYTES = 16;
const ACCUMULATORS = 8;
const [I32, V128] = [0x7f, 0x7b];
const [LOOP, END, BR_IF, EMPTY] = [0x03, 0x0b, 0x0d, 0x40];
const [GET, SET, TEE, CONST, ADD, LESS_UNSIGNED] = [0x20, 0x21, 0x22, 0x41, 0x6a, 0x49];
const [V128_LOAD, V128_XOR, V128_ANY] = [[0xfd, 0x00], [0xfd, 0x51], [0xfd, 0x53]];

/** The module's bytes; it imports `env.memory`, shared. Opcodes: WebAssembly core specification 3.0, section 5.4. */
export function readLoopBytes(): Uint8Array<ArrayBuffer> {
  const accumulator = (i: number): number => 2 + i % ACCUMULATORS;
  const loads = Array.from({ length: READ_RUN_BYTES / VECTOR_BYTES }, (_, i) => [
    ...[GET, accumulator(i), GET, 0, ...V128_LOAD, 4, ...unsigned(i * VECTOR_BYTES)],
    ...[...V128_XOR, SET, accumulator(i)],
  ]).flat();
  const others = Array.from({ length: ACCUMULATORS - 1 }, (_, i) => [
    ...[GET, accumulator(i + 1), ...V128_XOR],
  ]).flat();
  const body = [
    ...[1, ACCUMULATORS, V128],
    ...[LOOP, EMPTY, ...loads],
    ...[GET, 0, CONST, ...signed(READ_RUN_BYTES), ADD, TEE, 0, GET, 1, LESS_UNSIGNED, BR_IF, 0],
    ...[END, GET, accumulator(0), ...others, ...V128_ANY, END],
  ];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, [1, 0x60, 2, I32, I32, 1, I32]),
    ...section(2, [1, ...name("env"), ...name("memory"), 0x02, 0x03, 1, ...unsigned(65536)]),
    ...section(3, [1, 0]),
    ...section(7, [1, ...name("read"), 0x00, 0]),
    ...section(10, [1, ...unsigned(body.length), ...body]),
  ]);
}

function section(id: number, content: readonly number[]): number[] {
  return [id, ...unsigned(content.length), ...content];
}

function name(text: string): number[] {
  return [text.length, ...new TextEncoder().encode(text)];
}

/** LEB128. */
function unsigned(value: number): number[] {
  return value < 128 ? [value] : [value & 127 | 128, ...unsigned(value >>> 7)];
}

/** LEB128 of a number that is not negative, whose highest bit must not look like a sign. */
function signed(value: number): number[] {
  return value < 64 ? [value] : [value & 127 | 128, ...signed(value >>> 7)];
}
