/** `Ops.experts` on wasm: checks shapes, lays out the bank for the core. Holds no arithmetic. */
import type { Routing } from "../../../ops.ts";
import type { ExpertBank, Tensor, Weight } from "../../../tensor.ts";
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
  ) return;
  const shapes = [gate, up, down].map(({ rows, cols }) => `[${rows}, ${cols}]`).join(", ");
  throw new RangeError(
    `experts: x [${rows}, ${width}] and ${routing.rows} rows routed to ${routing.expertCount} experts ` +
      `do not fit a bank of ${experts} with ${shapes}`,
  );
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
  const list = arena.allocate(4 * banks.length);
  memory.writeI32(list, banks);
  const room = arena.allocate(core.experts_room(list, rows, used, width, hidden) >>> 0);
  // deno-fmt-ignore
  return core.experts(
    list, addressOf(x), activations, addressOf(experts), addressOf(weights),
    room, addressOf(out), rows, used, bank.experts, width, hidden,
  );
}
