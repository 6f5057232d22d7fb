/** A constraint whose contents are nested brackets, each token of which may need many more: for tests of constrained answers. */
import type { TokenConstraint } from "../../packages/runtime/src/events.ts";

/** Tokens and what they do to the depth. */
export interface Brackets {
  readonly open: number;
  /** Opens four at once. */
  readonly deep: number;
  readonly item: number;
  readonly close: number;
}

const DEEP = 4;

/** Depth after a token; undefined: it may not come. */
function depthAfter(depth: number, id: number, { open, deep, item, close }: Brackets) {
  if (id === open) return depth + 1;
  if (id === deep) return depth + DEEP;
  if (depth === 0) return undefined;
  return id === item ? depth : id === close ? depth - 1 : undefined;
}

/** Whether all that was opened is closed; `undefined` where a token may not stand. */
export function isWhole(ids: readonly number[], brackets: Brackets): boolean | undefined {
  let depth: number | undefined = 0;
  for (const id of ids) {
    depth = depthAfter(depth, id, brackets);
    if (depth === undefined) return undefined;
  }
  return ids.length > 0 && depth === 0;
}

/** One bracket with all that stands in it, or, where it is `endless`, one or more of them. */
export class BracketConstraint implements TokenConstraint {
  readonly accepted: number[] = [];
  closings = 0;
  #depth = 0;

  constructor(
    private readonly brackets: Brackets,
    private readonly vocabulary: number,
    private readonly endless = false,
  ) {}

  allowed(): Uint32Array {
    const mask = new Uint32Array(Math.ceil(this.vocabulary / 32));
    for (const id of Object.values(this.brackets)) {
      if (depthAfter(this.#depth, id, this.brackets) !== undefined) mask[id >> 5] |= 1 << (id & 31);
    }
    return mask;
  }

  accept(id: number): void {
    const depth = depthAfter(this.#depth, id, this.brackets);
    if (depth === undefined) throw new RangeError(`Token ${id} may not come here`);
    this.accepted.push(id);
    this.#depth = depth;
  }

  get mayEnd(): boolean {
    return this.accepted.length > 0 && this.#depth === 0;
  }

  get isComplete(): boolean {
    return this.mayEnd && !this.endless;
  }

  closing(after?: number): readonly number[] {
    this.closings++;
    const { open, close } = this.brackets;
    const depth = after === undefined ? this.#depth : depthAfter(this.#depth, after, this.brackets);
    if (depth === undefined) throw new RangeError(`Token ${after} may not come here`);
    const isEmpty = depth === 0 && this.accepted.length === 0 && after === undefined;
    return isEmpty ? [open, close] : Array<number>(depth).fill(close);
  }
}
