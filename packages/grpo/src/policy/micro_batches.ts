/** Sequences cut into parts that fit the memory, and laid out as rows of a batch. Runs nothing. */
import { type Batch, makeBatch, type SegmentInput } from "@aha/runtime/training";
import { type CountedSequence, rowsOf } from "./counted_sequence.ts";
import { type PromptUnit, promptUnits } from "./prompt_units.ts";
import type { SharedRows } from "./shared_row_ops.ts";

/** Some sequences as one ragged batch: all tokens but each one's last, from which nothing follows. */
export interface MicroBatch {
  readonly batch: Batch;
  readonly ids: Int32Array;
  /** How rows make whole sequences, where some are shared. */
  readonly shared?: SharedRows;
  /** Rows after which a token counts, sequence by sequence. */
  readonly rows: readonly number[];
  /** These tokens. */
  readonly targets: Int32Array;
  /** Numbers of its sequences. */
  readonly sequences: readonly number[];
  /** How many tokens that count each of them has. */
  readonly counts: readonly number[];
  /** Number of each row among those of all parts. */
  readonly rowNumbers: Int32Array;
}

/**
 * Parts of whole sequences, each of at most `mostTokens` of their rows, or of one sequence that is longer, or of sequences
 * that share a prompt and have no more than `UNIT_TOKENS`. They are in order, but that those which share a prompt follow
 * each other.
 * @throws {RangeError} for masks that do not fit, and limits that are no number above 0
 */
export function microBatches(
  sequences: readonly CountedSequence[],
  mostTokens = Infinity,
): MicroBatch[] {
  if (!(mostTokens > 0)) {
    throw new RangeError(`micro_batch_tokens is ${mostTokens}, it must be a number above 0`);
  }
  sequences.forEach(checkMask);
  const parts: PromptUnit[][] = [];
  let tokens = 0;
  for (const unit of promptUnits(sequences)) {
    if (parts.length === 0 || (tokens > 0 && tokens + unit.tokens > mostTokens)) {
      parts.push([]);
      tokens = 0;
    }
    parts[parts.length - 1].push(unit);
    tokens += unit.tokens;
  }
  let before = 0;
  return parts.map((units) => {
    const part = new Layout(sequences, units).part(before);
    before += part.ids.length;
    return part;
  });
}

/** Rows of a part as they are laid out, one unit after the other. */
class Layout {
  readonly #inputs: SegmentInput[] = [];
  readonly #wholes: SegmentInput[] = [];
  readonly #sources: number[] = [];
  readonly #rows: number[] = [];
  readonly #targets: number[] = [];
  readonly #counts: number[] = [];
  #end = 0;

  constructor(
    private readonly sequences: readonly CountedSequence[],
    private readonly units: readonly PromptUnit[],
  ) {
    for (const { sequences: numbers, shared } of units) {
      const prompt = this.#feed(sequences[numbers[0]].ids, 0, shared);
      numbers.forEach((number) => this.#take(sequences[number], prompt, shared));
    }
  }

  part(before: number): MicroBatch {
    const { batch, ids } = makeBatch(this.#inputs);
    return {
      ...{ batch, ids, rows: this.#rows, counts: this.#counts },
      shared: this.units.some(({ shared }) => shared > 0) ? this.#shared(batch) : undefined,
      targets: Int32Array.from(this.#targets),
      sequences: this.units.flatMap(({ sequences }) => sequences),
      rowNumbers: Int32Array.from(ids, (_, row) => before + row),
    };
  }

  /** Lays out a sequence's own rows, those after the `shared` ones that begin at row `prompt`. */
  #take(sequence: CountedSequence, prompt: number, shared: number): void {
    const { ids, mask } = sequence;
    const length = rowsOf(sequence);
    const own = this.#feed(ids, shared, length);
    const counted = this.#rows.length;
    for (let i = 0; i < length; i++) {
      const row = i < shared ? prompt + i : own + i - shared;
      this.#sources.push(row);
      if (mask[i + 1] !== 1) continue;
      this.#rows.push(row);
      this.#targets.push(ids[i + 1]);
    }
    this.#counts.push(this.#rows.length - counted);
    if (length > 0) this.#wholes.push({ sequence: null, ids: { length }, firstPosition: 0 });
  }

  /** Lays out rows for ids `first..end`; gives the first one. */
  #feed(ids: ArrayLike<number>, first: number, end: number): number {
    const start = this.#end;
    if (end <= first) return start;
    const fed = Array.from({ length: end - first }, (_, i) => ids[first + i]);
    this.#inputs.push({ sequence: null, ids: fed, firstPosition: first });
    this.#end += fed.length;
    return start;
  }

  #shared({ rows }: Batch): SharedRows {
    const sources = Int32Array.from(this.#sources);
    const places = new Int32Array(rows);
    for (let place = sources.length - 1; place >= 0; place--) places[sources[place]] = place;
    return { whole: makeBatch(this.#wholes).batch, sources, places };
  }
}

function checkMask({ ids, mask }: CountedSequence, sequence: number): void {
  if (ids.length === mask.length) return;
  throw new RangeError(
    `The mask of sequence ${sequence} has ${mask.length} values for ${ids.length} tokens`,
  );
}
