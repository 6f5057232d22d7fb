/** A checksum as the last tensor of a file: over its texts, names, shapes and numbers. Reads and writes no file itself. */
import { ByteHash, type TensorFile, type TensorToWrite } from "@aha/runtime/training";

/** Name of that tensor, whose numbers are 16 bytes of a hash. */
export const CHECKSUM = "checksum";

type Metadata = Readonly<Record<string, string>>;

/** The tensors with the checksum of all of them behind; each is asked for its numbers once, as they are written. */
export function withChecksum(
  tensors: readonly TensorToWrite[],
  metadata: Metadata,
): TensorToWrite[] {
  const hash = hashOfHead(metadata, tensors.map(({ name, shape }) => [name, shape]));
  const summed = tensors.map((tensor) => ({
    ...tensor,
    async values() {
      const numbers = await tensor.values();
      hash.add(bytesOf(numbers));
      return numbers;
    },
  }));
  const values = () => new Float32Array(hash.digest().buffer);
  return [...summed, { name: CHECKSUM, shape: [4], values }];
}

/** Whether a file has the checksum of what it holds; one tensor is in memory at a time. */
export async function hasChecksum(file: TensorFile): Promise<boolean> {
  const tensors = [...file.shapes].filter(([name]) => name !== CHECKSUM);
  if (!file.shapes.has(CHECKSUM)) return false;
  const hash = hashOfHead(file.metadata, tensors);
  for (const [name] of tensors) hash.add(bytesOf(await file.read(name)));
  const [stored, own] = [bytesOf(await file.read(CHECKSUM)), hash.digest()];
  return stored.length === own.length && own.every((byte, i) => byte === stored[i]);
}

/** Of texts by name in any order, and of tensors in that of their numbers. */
function hashOfHead(
  metadata: Metadata,
  tensors: readonly (readonly [name: string, shape: readonly number[]])[],
): ByteHash {
  const hash = new ByteHash();
  const texts = Object.entries(metadata).sort(([one], [other]) => one < other ? -1 : 1);
  hash.add(new TextEncoder().encode(JSON.stringify([texts, tensors])));
  return hash;
}

function bytesOf(numbers: Float32Array): Uint8Array {
  return new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
}
