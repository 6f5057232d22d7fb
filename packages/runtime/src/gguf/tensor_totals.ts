/** Sums over the tensors of a file: how many weights, in which number formats. Reads no tensor. */
import type { TensorInfo } from "./tensor_table.ts";

/** The tensors of one number format. */
export interface TypeShare {
  readonly type: string;
  readonly tensors: number;
  readonly parameters: number;
  readonly sizeBytes: number;
}

/** Numbers that a tensor holds. */
export function elementsOf({ dims }: Pick<TensorInfo, "dims">): number {
  return dims.reduce((product, size) => product * size, 1);
}

/** The formats of these tensors, the most bytes first. */
export function typeShares(tensors: Iterable<TensorInfo>): TypeShare[] {
  const groups = Map.groupBy(tensors, ({ type }) => type.name);
  return [...groups].map(([type, group]) => ({
    type,
    tensors: group.length,
    parameters: group.reduce((sum, tensor) => sum + elementsOf(tensor), 0),
    sizeBytes: group.reduce((sum, tensor) => sum + tensor.sizeBytes, 0),
  })).sort((a, b) => b.sizeBytes - a.sizeBytes);
}
