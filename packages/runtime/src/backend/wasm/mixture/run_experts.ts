/** `Ops.experts` on wasm: checks shapes, lays out the bank for the core. Holds no arithmetic. */
import { UnsupportedError } from "../../../errors.ts";
import type { Routing } from "../../../ops.ts";
import type { BankAdapter, ExpertBank, Tensor, Weight } from "../../../tensor.ts";
import type { Arena } from "../arena.ts";
import type { CoreExports } from "../core.ts";
import type { WasmMemory } from "../memory.ts";
import { addressOf, packedOf } from "../storage.ts";

/** Where the inputs and the result of `runExperts` are. */
export interface ExpertRows {
  readonly x: Tensor;
  /** Address of x in int8 groups, or 0 where no bank takes them. */
  readonly activations: number;
  readonly out: Tensor;
}

/** Whether a product with gate or up takes int8 activations. */
export function takesActivations({ gate, up }: ExpertBank): boolean {
  return packedOf(gate).quantized || packedOf(up).quantized;
}

/** @throws {RangeError} where rows, routing and bank do not fit together */
export function checkExperts(x: Tensor, routing: Routing, bank: ExpertBank): void {
  const [rows, width] = x.shape;
  const { experts, gate, up, down } = bank;
  const hidden = down.cols;
  const fits = ({ rows, cols }: Weight, wantedRows: number, wantedCols: number): boolean =>
    rows === wantedRows && cols === wantedCols;
  if (
    rows === routing.rows && experts === routing.expertCount &&
    [gate, up].every((weight) => fits(weight, experts * hidden, width)) &&
    fits(down, experts * width, hidden)
  ) return checkAdapters(bank);
  const shapes = [gate, up, down].map(({ rows, cols }) => `[${rows}, ${cols}]`).join(", ");
  throw new RangeError(
    `experts: x [${rows}, ${width}] and ${routing.rows} rows routed to ${routing.expertCount} experts ` +
      `do not fit a bank of ${experts} with ${shapes}`,
  );
}

const STACKS = ["gate", "up", "down"] as const;

function checkAdapters({ experts, adapters, ...stacks }: ExpertBank): void {
  for (const stack of STACKS) {
    const adapter = adapters?.[stack];
    if (!adapter) continue;
    const { a, b } = adapter;
    const rank = b.cols;
    if (a.type !== "F32" || b.type !== "F32") {
      throw new UnsupportedError(
        `An adapter of experts must be F32, ${a.name} is ${a.type}`,
        a.type,
      );
    }
    if (
      a.rows === experts * rank && a.cols === stacks[stack].cols && b.rows === stacks[stack].rows
    ) continue;
    throw new RangeError(
      `experts: an adapter of [${a.rows}, ${a.cols}] and [${b.rows}, ${b.cols}] does not fit ` +
        `${experts} experts of ${stacks[stack].name} [${stacks[stack].rows}, ${
          stacks[stack].cols
        }]`,
    );
  }
}

/** Words by which the core finds the adapters of a bank; none where it has none. */
export function adapterWords({ adapters }: ExpertBank): readonly number[] {
  return adapters ? STACKS.flatMap((stack) => wordsOf(adapters[stack])) : [];
}

function wordsOf(adapter?: BankAdapter): readonly number[] {
  if (!adapter) return [0, 0, 0, 0];
  const { a, b, scale } = adapter;
  const [scaleBits] = new Int32Array(Float32Array.of(scale).buffer);
  return [packedOf(a).address, packedOf(b).address, b.cols, scaleBits];
}

/** Writes `out`; what it takes from the arena besides is the caller's to free. Gives the core's status. */
export function runExperts(
  core: CoreExports,
  memory: WasmMemory,
  arena: Arena,
  { x, activations, out }: ExpertRows,
  { experts, weights, used }: Routing,
  bank: ExpertBank,
): number {
  const [rows, width] = x.shape;
  const hidden = bank.down.cols;
  const banks = [bank.gate, bank.up, bank.down].flatMap((weight) => {
    const { typeId, address } = packedOf(weight);
    return [typeId, address];
  });
  const place = (words: readonly number[]) => {
    const address = arena.allocate(4 * words.length);
    memory.writeI32(address, words);
    return address;
  };
  const list = place(banks);
  const adapters = bank.adapters ? place(adapterWords(bank)) : 0;
  const roomBytes = core.experts_room(list, rows, used, width, hidden, adapters) >>> 0;
  const room = arena.allocate(roomBytes);
  // deno-fmt-ignore
  return core.experts(
    list, addressOf(x), activations, addressOf(experts), addressOf(weights),
    room, addressOf(out), rows, used, bank.experts, width, hidden, adapters,
  );
}
