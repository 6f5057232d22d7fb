/** Folders of peft adapters in memory, made of reference files, and what is read back out of written ones. Checks nothing. */
import { readFileSync } from "node:fs";
import { blobFolder, type ModelFolder } from "../../packages/runtime/src/convert/mod.ts";
import { safetensorsBytes } from "./safetensors_bytes.ts";
import type { NamedNumbers } from "./training_steps.ts";

/** A tensor with its sizes. */
export interface SizedTensor {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** A folder of a configuration and tensors by modules' names without peft's prefix. */
export function peftFolder(
  config: Readonly<Record<string, unknown>>,
  tensors: ReadonlyMap<string, SizedTensor>,
): ModelFolder {
  let end = 0;
  const header: Record<string, unknown> = {};
  const parts: Uint8Array[] = [];
  for (const [name, { shape, values }] of tensors) {
    const bytes = new Uint8Array(values.slice().buffer);
    header[`base_model.model.${name}`] = {
      dtype: "F32",
      shape,
      data_offsets: [end, end + bytes.length],
    };
    end += bytes.length;
    parts.push(bytes);
  }
  const data = new Uint8Array(end);
  parts.reduce((at, part) => {
    data.set(part, at);
    return at + part.length;
  }, 0);
  return blobFolder(
    "adapter",
    new Map([
      ["adapter_config.json", new Blob([JSON.stringify(config)])],
      ["adapter_model.safetensors", new Blob([safetensorsBytes(header, data)])],
    ]),
  );
}

/** A folder on disk, read into memory. */
export function peftFolderOf(path: string): ModelFolder {
  const names = ["adapter_config.json", "adapter_model.safetensors"];
  const files = names.map((name) => [name, new Blob([readFileSync(`${path}/${name}`)])] as const);
  return blobFolder(path, new Map(files));
}

/** The numbers in the bytes of adapter_model.safetensors, names without peft's prefix. */
export function writtenTensors(bytes: Uint8Array): NamedNumbers {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = Number(view.getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  delete header.__metadata__;
  const entries = Object.entries<{ data_offsets: [number, number] }>(header);
  return new Map(entries.map(([name, { data_offsets: [start, end] }]) => {
    const own = bytes.slice(8 + length + start, 8 + length + end);
    return [name.replace("base_model.model.", ""), new Float32Array(own.buffer)];
  }));
}
