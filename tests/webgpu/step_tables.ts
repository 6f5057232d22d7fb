/** Tables that the host makes of a batch: where rows stand in the cache, and how RoPE turns them. Touches no device. */
import { pagesFor, rowPositions } from "../../packages/runtime/src/backend/wasm/step_tables.ts";
import type { Batch, Segment } from "../../packages/runtime/src/batch.ts";
import type { Rope } from "../../packages/runtime/src/ops.ts";
import { hostValuesOf } from "./storage.ts";

/** `places` of the attention kernels: of each row its position and where its pages' list begins, then the lists. */
export function placesOf(
  batch: Batch,
  pagesOf: (segment: Segment) => readonly number[],
): Uint32Array<ArrayBuffer> {
  const places: number[] = [...rowPositions(batch)].flatMap((position) => [position, 0]);
  for (const segment of batch.segments) {
    const { start, length } = segment;
    for (let row = start; row < start + length; row++) places[2 * row + 1] = places.length;
    places.push(...pagesOf(segment));
  }
  return Uint32Array.from(places);
}

/** Pages in the cache of a segment. */
export function cachedPagesOf({ sequence, firstPosition, length }: Segment): readonly number[] {
  if (!sequence) throw new TypeError("A segment without a sequence cannot use the cache");
  const pages = pagesFor(firstPosition + length);
  if (sequence.pages.length >= pages) return sequence.pages.slice(0, pages);
  throw new RangeError(
    `The sequence has ${sequence.pages.length} pages, ${pages} are needed: extend it first`,
  );
}

/** Pages one after the other for segments that bring all their keys along; gives them and their number. */
export function ownPages(batch: Batch): { pages: Map<Segment, number[]>; count: number } {
  const pages = new Map<Segment, number[]>();
  let count = 0;
  for (const segment of batch.segments) {
    if (segment.firstPosition !== 0) {
      throw new RangeError("A segment without a cache starts at 0");
    }
    pages.set(segment, Array.from({ length: pagesFor(segment.length) }, () => count++));
  }
  return { pages, count };
}

/** `[rows, rotarySize / 2]` of (cos, sin). Angles are f32, as in the reference; WGSL's own sine is too coarse for them. */
export function ropeTurns(batch: Batch, rope: Rope): Float32Array<ArrayBuffer> {
  const half = rope.rotarySize / 2;
  const magnitude = rope.magnitude ?? 1;
  const factors = rope.frequencyFactors ? hostValuesOf(rope.frequencyFactors) : null;
  const frequencies = Float32Array.from({ length: half }, (_, i) => {
    const plain = Math.fround(1 / Math.fround(rope.base ** (i / half)));
    return plain / (factors?.[i] ?? 1);
  });
  const turns = new Float32Array(2 * half * batch.rows);
  rowPositions(batch).forEach((position, row) => {
    frequencies.forEach((frequency, i) => {
      const angle = Math.fround(position * frequency);
      turns[2 * (row * half + i)] = magnitude * Math.cos(angle);
      turns[2 * (row * half + i) + 1] = magnitude * Math.sin(angle);
    });
  });
  return turns;
}
