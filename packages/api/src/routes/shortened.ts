/** Vectors of fewer numbers than a model gives. Refuses no sizes. */

/** The first `size` numbers, again of length 1; all where there are no more. */
export function shortened(vector: Float32Array, size: number): Float32Array {
  if (size >= vector.length) return vector;
  const head = vector.slice(0, size);
  const length = Math.hypot(...head);
  return length > 0 ? head.map((value) => value / length) : head;
}
