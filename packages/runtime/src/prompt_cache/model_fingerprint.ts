/** Tells models apart: a hash over sizes, the tensor table and all weights. Reads no file. */
import type { ByteHash } from "../byte_hash.ts";
import type { Gguf } from "../gguf/mod.ts";
import type { ModelConfig } from "../model/config.ts";
import { PartsDigest } from "./prompt_cache_file.ts";

/**
 * 32 bytes of a model with adapters: of the model, and bytes that tell the adapters. Without any they are the model's own.
 */
export async function adaptedFingerprint(
  model: Uint8Array<ArrayBuffer>,
  adapters: readonly Uint8Array<ArrayBuffer>[],
): Promise<Uint8Array<ArrayBuffer>> {
  if (adapters.length === 0) return model;
  const digest = new PartsDigest();
  for (const part of [model, ...adapters]) await digest.add(part);
  return await digest.end();
}

/**
 * 32 bytes of a model: equal for equal files wherever they lie, different for other sizes, formats or weights. Every byte
 * of the weights counts: one changed word of 32 bits always shows, others but for about one in 2^32. The tokenizer does
 * not count, nor does a file that is made to collide.
 * @param hashes over the bytes of each tensor, by name
 */
export async function modelFingerprint(
  config: ModelConfig,
  gguf: Gguf,
  hashes: ReadonlyMap<string, ByteHash>,
): Promise<Uint8Array<ArrayBuffer>> {
  const names = [...gguf.tensors.keys()].sort();
  const table = names.map((name) => {
    const tensor = gguf.tensors.get(name);
    return [name, tensor?.type.name, tensor?.dims];
  });
  const sizes = Object.entries(config).sort(([one], [other]) => one < other ? -1 : 1);
  const digest = new PartsDigest();
  await digest.add(new TextEncoder().encode(JSON.stringify([sizes, table])));
  const empty = new Uint8Array();
  const all = names.map((name) => hashes.get(name)?.digest() ?? empty);
  await digest.add(new Uint8Array(await new Blob(all).arrayBuffer()));
  return await digest.end();
}
