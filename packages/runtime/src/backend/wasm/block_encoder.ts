/** Turns rows of float weights into blocks of another format, on all threads. Reads and writes no files. */
import { HelperThreads } from "./helper_threads.ts";
import { threadCount } from "./backend.ts";
import { startBestCore } from "./core.ts";
import { WasmMemory } from "./memory.ts";
import { PACKED_TYPES } from "./weight_loader.ts";

/** An encoder with a core of its own. */
export interface BlockEncoder {
  /**
   * Rows in the format `from` (F32, F16 or BF16), which `read` fills in, as bytes of the format `to`; `null` if a
   * value is not finite or too large. `cols` is a whole number of blocks.
   */
  encode(
    from: string,
    to: string,
    rows: number,
    cols: number,
    read: (into: Uint8Array) => Promise<void>,
  ): Promise<Uint8Array | null>;
  close(): void;
}

const MAX_BYTES = 2 ** 30;
const STATUS_NON_FINITE = 2;

/**
 * Starts an encoder.
 * @throws {UnsupportedError} when no build of the core runs here.
 */
export async function createBlockEncoder(
  options: { readonly threads?: number } = {},
): Promise<BlockEncoder> {
  const core = await startBestCore(MAX_BYTES);
  const helpers = await HelperThreads.start(core, threadCount(options.threads) - 1);
  const memory = new WasmMemory(core);
  const { exports } = core;
  const buffers = new Map<string, { address: number; bytes: number }>();
  const place = (name: string, bytes: number): number => {
    const old = buffers.get(name);
    if (old && old.bytes >= bytes) return old.address;
    if (old) memory.release(old.address);
    const address = memory.allocate(bytes);
    buffers.set(name, { address, bytes });
    return address;
  };
  return {
    async encode(from, to, rows, cols, read) {
      const count = rows * cols;
      const [source, target] = [PACKED_TYPES[from], PACKED_TYPES[to]];
      const sourceBytes = count * source.blockBytes;
      const targetBytes = count / target.blockSize * target.blockBytes;
      const [input, out] = [place("input", sourceBytes), place("out", targetBytes)];
      await read(memory.bytes(input, sourceBytes));
      const values = from === "F32" ? input : place("values", 4 * count);
      if (from !== "F32") {
        succeed(exports.dequantize_scalar(source.id, input, values, rows, cols), from);
      }
      const status = exports.quantize(target.id, values, out, count);
      if (status === STATUS_NON_FINITE) return null;
      succeed(status, to);
      return new Uint8Array(memory.bytes(out, targetBytes));
    },
    close: () => helpers.close(),
  };
}

function succeed(status: number, type: string): void {
  if (status !== 0) throw new RangeError(`The core refused rows of ${type}: status ${status}`);
}
