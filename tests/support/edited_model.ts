/** Model files made from a fixture by changing one thing, each in a folder of its own. Checks nothing. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type MetadataEntry, VALUE_TYPES } from "../../packages/runtime/src/gguf/metadata_value.ts";
import { blobSource } from "../../packages/runtime/src/gguf/source/blob_source.ts";
import { readGguf } from "../../packages/runtime/src/gguf/reader.ts";
import { fixturePath } from "./fixture.ts";
import { ggufBytes, type GgufSpec, type TestTensor, type TypedValue } from "./gguf_bytes.ts";

/** What `ggufBytes` needs to write a fixture again. */
export interface ModelSpec extends GgufSpec {
  readonly metadata: readonly (readonly [string, TypedValue])[];
  readonly tensors: readonly TestTensor[];
}

/** Reads a fixture such as `models/llama_untied/gguf/model-F32.gguf` into its parts. */
export async function modelSpec(fixture: string): Promise<ModelSpec> {
  const bytes = readFileSync(fixturePath(fixture));
  const gguf = await readGguf(blobSource(new Blob([bytes])));
  const metadata = [...gguf.metadata.entries()].map(([key, entry]) => [key, typed(entry)] as const);
  const tensors = [...gguf.tensors.values()].map(({ name, dims, type, offset, sizeBytes }) => ({
    name,
    dims,
    type: type.name,
    data: new Uint8Array(bytes.subarray(offset, offset + sizeBytes)),
  }));
  return { metadata, tensors, alignment: gguf.alignment };
}

function typed({ type, elementType, value }: MetadataEntry): TypedValue {
  if (type !== "array") return { type, value };
  const items = [...(value as Iterable<unknown>)];
  return { type, of: elementType ?? VALUE_TYPES[0], items };
}

/** The parts with one key set, or removed where `value` is undefined. */
export function withKey(spec: ModelSpec, key: string, value?: TypedValue): ModelSpec {
  const others = spec.metadata.filter(([name]) => name !== key);
  return { ...spec, metadata: value ? [...others, [key, value]] : others };
}

/** The parts with one tensor changed, or removed where `change` gives nothing. */
export function withTensor(
  spec: ModelSpec,
  name: string,
  change: (tensor: TestTensor) => TestTensor | undefined,
): ModelSpec {
  const tensors = spec.tensors.flatMap((tensor) =>
    tensor.name === name ? change(tensor) ?? [] : tensor
  );
  return { ...spec, tensors };
}

/** A tensor with bytes of its data replaced. */
export function patched(tensor: TestTensor, at: number, bytes: readonly number[]): TestTensor {
  const data = new Uint8Array(tensor.data ?? []);
  data.set(bytes, at);
  return { ...tensor, data };
}

/** Runs with a fresh folder, which is removed at the end. */
export async function withFolder<T>(run: (folder: string) => T | Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "aha-test-"));
  try {
    return await run(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Writes a model file into a folder and gives its path. */
export function writeModel(folder: string, spec: GgufSpec | Uint8Array): string {
  const path = join(folder, "model.gguf");
  writeFileSync(path, spec instanceof Uint8Array ? spec : ggufBytes(spec));
  return path;
}
