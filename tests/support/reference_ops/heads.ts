/** Cutting, joining and choosing rows and parts of heads, forward and backward. Moves and adds numbers, nothing else. */
import type { GradOps } from "../../../packages/runtime/src/backend/grad_ops.ts";
import type { Ops } from "../../../packages/runtime/src/ops.ts";
import { addTo, sizesOf, valuesOf, zeros } from "./values.ts";

/** The ops. */
export const rearranging: Pick<Ops, "splitHeads" | "joinHeads" | "selectRows"> = {
  splitHeads(x, heads, sizes) {
    const [rows] = sizesOf(x);
    const size = sizes.reduce((sum, own) => sum + own, 0);
    let first = 0;
    return sizes.map((own) => {
      const { tensor, values } = zeros([rows, heads * own]);
      for (let run = 0; run < rows * heads; run++) {
        const from = run * size + first;
        values.set(valuesOf(x).subarray(from, from + own), run * own);
      }
      first += own;
      return tensor;
    });
  },
  joinHeads(parts, heads, sizes) {
    const [rows] = sizesOf(parts[0]);
    const size = sizes.reduce((sum, own) => sum + own, 0);
    const { tensor, values } = zeros([rows, heads * size]);
    let first = 0;
    parts.forEach((part, i) => {
      const own = sizes[i];
      const isShared = part.shape[1] === own;
      for (let run = 0; run < rows * heads; run++) {
        const from = (isShared ? Math.floor(run / heads) : run) * own;
        values.set(valuesOf(part).subarray(from, from + own), run * size + first);
      }
      first += own;
    });
    return tensor;
  },
  selectRows(x, indices) {
    const [, cols] = sizesOf(x);
    const { tensor, values } = zeros([indices.length, cols]);
    Array.from(indices).forEach((index, row) => {
      values.set(valuesOf(x).subarray(index * cols, (index + 1) * cols), row * cols);
    });
    return tensor;
  },
};

/** Their gradients, where these are not the ops themselves. */
export const rearrangingGradients: Pick<GradOps, "sumHeads" | "selectRows"> = {
  sumHeads(d, heads) {
    const [rows, cols] = sizesOf(d);
    const size = cols / heads;
    const { tensor, values } = zeros([rows, size]);
    for (let run = 0; run < rows * heads; run++) {
      const row = Math.floor(run / heads);
      addTo(
        values.subarray(row * size, (row + 1) * size),
        valuesOf(d).subarray(run * size, (run + 1) * size),
      );
    }
    return tensor;
  },
  selectRows(d, indices, rows) {
    const [, cols] = sizesOf(d);
    const { tensor, values } = zeros([rows, cols]);
    Array.from(indices).forEach((index, row) => {
      addTo(
        values.subarray(index * cols, (index + 1) * cols),
        valuesOf(d).subarray(row * cols, (row + 1) * cols),
      );
    });
    return tensor;
  },
};
