/** Values in and out of a bare core's memory, for tests of its exports. Frees nothing: a core lives for one test. */
import { assert } from "@std/assert";
import {
  type Core,
  type CoreExports,
  type CoreVariant,
  startCore,
  VARIANTS,
} from "../../packages/runtime/src/backend/wasm/core.ts";

const MEMORY_BYTES = 256 << 20;

/** A core and its memory. Views are made anew each time, for every call may grow the memory. */
export class CoreValues {
  readonly exports: CoreExports;

  constructor(readonly core: Core) {
    this.exports = core.exports;
  }

  /** Address of these values as f32. */
  f32(values: ArrayLike<number>): number {
    const address = this.room(values.length);
    new Float32Array(this.core.memory.buffer, address, values.length).set(values);
    return address;
  }

  /** Address of these values as i32 (or as addresses). */
  i32(values: ArrayLike<number>): number {
    const address = this.room(values.length);
    new Int32Array(this.core.memory.buffer, address, values.length).set(values);
    return address;
  }

  /** Address of `count` numbers, all NaN. */
  room(count: number): number {
    const address = this.exports.allocate(4 * count) >>> 0;
    assert(address > 0, `no room for ${count} numbers`);
    new Uint8Array(this.core.memory.buffer, address, 4 * count).fill(0xff);
    return address;
  }

  read(address: number, count: number): Float32Array {
    return new Float32Array(this.core.memory.buffer, address, count).slice();
  }
}

/** A fresh core of one artifact. */
export async function coreValues(variant: CoreVariant): Promise<CoreValues> {
  return new CoreValues(await startCore(variant, MEMORY_BYTES));
}

/** Runs a test on a fresh core of each artifact. */
export async function eachCore(
  run: (values: CoreValues, variant: CoreVariant) => void,
): Promise<void> {
  for (const variant of VARIANTS) run(await coreValues(variant), variant);
}

/** Every value within `relative * |want| + absolute`, equal without either; NaN and infinities must be equal. */
export function assertWithin(
  got: ArrayLike<number>,
  want: ArrayLike<number>,
  { relative = 0, absolute = 0 }: { readonly relative?: number; readonly absolute?: number },
  what: string,
): void {
  assert(got.length === want.length, `${what}: ${got.length} values, not ${want.length}`);
  for (let i = 0; i < want.length; i++) {
    const limit = relative * Math.abs(want[i]) + absolute;
    const equal = Object.is(got[i], want[i]) || Math.abs(got[i] - want[i]) <= limit;
    if (!equal) assert(false, `${what}: ${got[i]} at ${i} is not within ${limit} of ${want[i]}`);
  }
}
