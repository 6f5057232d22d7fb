/** The order of rows of heads in Hugging Face's and in GGUF's files. Moves numbers, computes nothing. */

/**
 * Rows `[heads * headSize, width]` whose element i rotates with i + headSize / 2, in the order in which neighbours do, as
 * GGUF has Llama's q and k.
 */
export function interleaved(values: Float32Array, headSize: number, width: number): Float32Array {
  return reordered(
    values,
    headSize,
    width,
    (place) => (place % 2) * headSize / 2 + Math.floor(place / 2),
  );
}

/** The inverse. */
export function halved(values: Float32Array, headSize: number, width: number): Float32Array {
  return reordered(
    values,
    headSize,
    width,
    (place) => place < headSize / 2 ? 2 * place : 2 * (place - headSize / 2) + 1,
  );
}

function reordered(
  values: Float32Array,
  headSize: number,
  width: number,
  from: (place: number) => number,
): Float32Array {
  const out = new Float32Array(values.length);
  for (let row = 0; row < values.length / width; row++) {
    const place = row % headSize;
    const source = (row - place + from(place)) * width;
    out.set(values.subarray(source, source + width), row * width);
  }
  return out;
}
