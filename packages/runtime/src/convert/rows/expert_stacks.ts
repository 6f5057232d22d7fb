/** Gathers experts that are stored one by one into the stacks that GGUF files hold. Reads no rows before they are wanted. */
import { CheckpointError } from "../../errors.ts";
import type { FloatTensor } from "../../quantize/mod.ts";

/** Stacks of a layer: gate, up and down. */
const STACKS = 3;

/** Where an expert belongs. */
export interface ExpertPlace {
  readonly layer: number;
  readonly index: number;
  /** E. */
  readonly experts: number;
}

/** Experts met so far, by the name of their stack. */
export class ExpertStacks {
  readonly #layers = new Map<number, Map<string, FloatTensor[]>>();
  readonly #found = new Map<number, number>();

  /**
   * Takes an expert's matrix; `tensor.name` is that of its stack. Gives the stacks of its layer, down, gate and up as
   * llama.cpp's converter writes them, when it was the last one, and nothing before.
   * @throws {CheckpointError} if experts of a stack are stored in different types
   */
  add(tensor: FloatTensor, { layer, index, experts }: ExpertPlace, file: string): FloatTensor[] {
    const stacks = this.#layers.get(layer) ?? new Map<string, FloatTensor[]>();
    this.#layers.set(layer, stacks);
    const stack = stacks.get(tensor.name) ?? [];
    stacks.set(tensor.name, stack);
    const other = stack.find((member) => member !== undefined);
    if (other && other.type !== tensor.type) {
      throw new CheckpointError(
        `Experts of ${tensor.name} are stored as ${other.type.name} and as ${tensor.type.name}`,
        file,
      );
    }
    stack[index] = tensor;
    const found = (this.#found.get(layer) ?? 0) + 1;
    this.#found.set(layer, found);
    if (found < STACKS * experts) return [];
    this.#layers.delete(layer);
    return [...stacks].sort(([a], [b]) => a < b ? -1 : 1).map(([, members]) => stacked(members));
  }
}

/** Matrices of the same shape one after the other: [cols, rows] each, [cols, rows, count] together. */
export function stacked(members: readonly FloatTensor[]): FloatTensor {
  const [first] = members;
  const [cols, rows] = first.dims;
  const rowBytes = cols * first.type.blockBytes / first.type.blockSize;
  return {
    ...first,
    dims: [cols, rows, members.length],
    async readRows(row, into, signal) {
      const end = row + into.length / rowBytes;
      for (let i = row; i < end;) {
        const [member, inside] = [Math.floor(i / rows), i % rows];
        const count = Math.min(rows - inside, end - i);
        const start = (i - row) * rowBytes;
        const part = into.subarray(start, start + count * rowBytes);
        await members[member].readRows(inside, part, signal);
        i += count;
      }
    },
  };
}
