/** Little-endian reads over a window of a file's head that grows on demand. Knows no GGUF field. */
import { GgufError } from "../errors.ts";
import type { ByteSource } from "./source.ts";

/** First read; the head of a file with a small vocabulary fits. */
const FIRST_WINDOW_BYTES = 256 * 1024;
/** Twice, so that a head takes no more than twice its size while it is read. */
const WINDOW_GROWTH = 2;
/** Heads of published files stay under 20 MiB; more is an attack or a defect. */
const MAX_HEADER_BYTES = 256 * 1024 * 1024;

/** Thrown inside `step` only: the window ends before byte `end`. */
class WindowEnd {
  constructor(readonly end: number) {}
}

/** A position in the head of a file; every read checks its bounds first. */
export class HeaderCursor {
  position = 0;
  #bytes = new Uint8Array(0);
  #view = new DataView(this.#bytes.buffer);

  constructor(readonly source: ByteSource, private readonly signal?: AbortSignal) {}

  /** Runs a synchronous parser; where the window ends too early, reads on and runs it again from the same place. */
  async step<T>(parse: () => T): Promise<T> {
    const start = this.position;
    for (;;) {
      try {
        return parse();
      } catch (error) {
        if (!(error instanceof WindowEnd)) throw error;
        this.position = start;
        await this.#grow(error.end);
      }
    }
  }

  /** Throws the error of this file at byte `offset`. */
  fail(message: string, offset: number = this.position): never {
    throw new GgufError(`${this.source.name}: ${message}`, offset);
  }

  /** Refuses `count` further bytes where the file cannot have them; reads nothing. */
  expect(count: number, what: string): void {
    const left = this.source.sizeBytes - this.position;
    if (count > left) {
      this.fail(`${what} needs ${count} more bytes, but the file ends after ${left}`);
    }
  }

  uint8(what: string): number {
    return this.#view.getUint8(this.#advance(1, what));
  }

  int8(what: string): number {
    return this.#view.getInt8(this.#advance(1, what));
  }

  uint16(what: string): number {
    return this.#view.getUint16(this.#advance(2, what), true);
  }

  int16(what: string): number {
    return this.#view.getInt16(this.#advance(2, what), true);
  }

  uint32(what: string): number {
    return this.#view.getUint32(this.#advance(4, what), true);
  }

  int32(what: string): number {
    return this.#view.getInt32(this.#advance(4, what), true);
  }

  float32(what: string): number {
    return this.#view.getFloat32(this.#advance(4, what), true);
  }

  float64(what: string): number {
    return this.#view.getFloat64(this.#advance(8, what), true);
  }

  uint64(what: string): bigint {
    return this.#view.getBigUint64(this.#advance(8, what), true);
  }

  int64(what: string): bigint {
    return this.#view.getBigInt64(this.#advance(8, what), true);
  }

  /** A length or count of at most `limit`; anything larger is refused before it is used. */
  count(limit: number, what: string): number {
    const at = this.#advance(8, what);
    const value = this.#view.getUint32(at, true) + this.#view.getUint32(at + 4, true) * 2 ** 32;
    if (value > limit) {
      const exact = this.#view.getBigUint64(at, true);
      this.fail(`${what} is ${exact}, more than the ${limit} allowed`, at);
    }
    return value;
  }

  /** The next `count` bytes as a view that the next growth leaves behind: copy what must last. */
  view(count: number, what: string): Uint8Array<ArrayBuffer> {
    const at = this.#advance(count, what);
    return this.#bytes.subarray(at, at + count);
  }

  skip(count: number, what: string): void {
    this.#advance(count, what);
  }

  #advance(count: number, what: string): number {
    const at = this.position;
    const end = at + count;
    if (end > this.#bytes.length) {
      this.expect(count, what);
      throw new WindowEnd(end);
    }
    this.position = end;
    return at;
  }

  async #grow(end: number): Promise<void> {
    if (end > MAX_HEADER_BYTES) {
      this.fail(`the header is longer than the ${MAX_HEADER_BYTES} bytes allowed`);
    }
    const old = this.#bytes;
    const wanted = Math.max(end, FIRST_WINDOW_BYTES, old.length * WINDOW_GROWTH);
    const size = Math.min(wanted, this.source.sizeBytes, MAX_HEADER_BYTES);
    const bytes = new Uint8Array(size);
    bytes.set(old);
    await this.source.read(old.length, bytes.subarray(old.length), this.signal);
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }
}
