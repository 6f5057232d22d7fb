/** Model folders made out of the fixtures' own, with other values in config.json and other tensors. Checks nothing. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { blobFolder, type ModelFolder } from "../../packages/runtime/src/convert/mod.ts";
import { safetensorsBytes } from "./safetensors_bytes.ts";

/** A tensor of a safetensors file. */
export interface FileTensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data: Uint8Array<ArrayBuffer>;
}

/** The files of a folder, its config.json and tensors to be changed. */
export class CheckpointFiles {
  private constructor(
    readonly config: Record<string, unknown>,
    readonly tensors: Map<string, FileTensor>,
    private readonly others: ReadonlyMap<string, Blob>,
  ) {}

  /** Those of a folder on disk with a single weight file. */
  static read(path: string): CheckpointFiles {
    const config = JSON.parse(readFileSync(join(path, "config.json"), "utf8"));
    const bytes = new Uint8Array(readFileSync(join(path, "model.safetensors")));
    const start = 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true));
    const header: Record<string, { dtype: string; shape: number[]; data_offsets: number[] }> = JSON
      .parse(new TextDecoder().decode(bytes.subarray(8, start)));
    const tensors = new Map<string, FileTensor>();
    for (const [name, entry] of Object.entries(header)) {
      if (name === "__metadata__") continue;
      const { dtype, shape, data_offsets: [from, to] } = entry;
      tensors.set(name, { dtype, shape, data: bytes.slice(start + from, start + to) });
    }
    const others = new Map(
      readdirSync(path).map((file) => [file, new Blob([readFileSync(join(path, file))])]),
    );
    return new CheckpointFiles(config, tensors, others);
  }

  /** Replaces a tensor by one of float32 values, or adds one. */
  setFloats(name: string, shape: readonly number[], values: Float32Array<ArrayBuffer>): void {
    this.tensors.set(name, { dtype: "F32", shape, data: new Uint8Array(values.buffer) });
  }

  /** The folder as it is now. */
  folder(name = "some/model"): ModelFolder {
    const header: Record<string, unknown> = {};
    let size = 0;
    for (const [tensor, { dtype, shape, data }] of this.tensors) {
      header[tensor] = { dtype, shape, data_offsets: [size, size += data.length] };
    }
    const all = new Uint8Array(size);
    let offset = 0;
    for (const { data } of this.tensors.values()) {
      all.set(data, offset);
      offset += data.length;
    }
    const files = new Map(this.others);
    files.set("config.json", new Blob([JSON.stringify(this.config)]));
    files.set("model.safetensors", new Blob([safetensorsBytes(header, all)]));
    return blobFolder(name, files);
  }
}
