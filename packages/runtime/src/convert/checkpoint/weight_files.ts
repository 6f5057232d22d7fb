/** The weights of a model folder as one table: a single safetensors file, or the files that an index names. Knows no model. */
import { CheckpointError, SourceError, UnsupportedError } from "../../errors.ts";
import type { ByteSource } from "../../gguf/mod.ts";
import type { ModelFolder } from "./folder.ts";
import { isObject, readJsonFile } from "./json_file.ts";
import { readSafetensorsHead, type StoredTensor, tensorLabel } from "./safetensors.ts";

/** A tensor with the file that holds it. */
export interface PlacedTensor extends StoredTensor {
  readonly source: ByteSource;
}

/** All weights of a model; close them. */
export interface WeightFiles {
  /** By name, in the order of the files and of the names in each, which is that of llama.cpp's converter. */
  readonly tensors: ReadonlyMap<string, PlacedTensor>;
  close(): Promise<void>;
}

const SINGLE = "model.safetensors";
const INDEX = "model.safetensors.index.json";
/** What other programs read and this one does not. */
const OTHERS = ["pytorch_model.bin", "pytorch_model.bin.index.json", "model.gguf"];
const MAX_FILES = 1024;

/**
 * Opens the weights: `model.safetensors`, or all files of `model.safetensors.index.json`.
 * @throws {SourceError} if a file is missing, naming it
 * @throws {CheckpointError} if a file is malformed, or index and files do not agree
 * @throws {UnsupportedError} if the folder has weights of another format only
 */
export async function openWeightFiles(
  folder: ModelFolder,
  signal?: AbortSignal,
): Promise<WeightFiles> {
  const opened: ByteSource[] = [];
  const close = async () => {
    for (const source of opened) await source.close();
  };
  try {
    const single = await folder.open(SINGLE);
    if (single) {
      opened.push(single);
      return { tensors: await collect([single], signal), close };
    }
    const index = await readIndex(folder, signal);
    const files = [...new Set(index.values())].sort();
    for (const [i, file] of files.entries()) {
      const source = await folder.open(file);
      if (!source) throw missingFile(folder, file, i, files.length);
      opened.push(source);
    }
    const tensors = await collect(opened, signal);
    checkIndex(folder, index, tensors, new Map(files.map((file, i) => [file, opened[i]])));
    return { tensors, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function collect(
  sources: readonly ByteSource[],
  signal?: AbortSignal,
): Promise<Map<string, PlacedTensor>> {
  const tensors = new Map<string, PlacedTensor>();
  for (const source of sources) {
    const head = await readSafetensorsHead(source, signal);
    for (const tensor of head.sort((a, b) => a.name < b.name ? -1 : 1)) {
      const other = tensors.get(tensor.name);
      if (other) {
        throw new CheckpointError(
          `Tensor ${
            tensorLabel(tensor.name)
          } is in two files: ${other.source.name} and ${source.name}`,
          source.name,
        );
      }
      tensors.set(tensor.name, { ...tensor, source });
    }
  }
  return tensors;
}

/** The file of each tensor, as the index says. */
async function readIndex(
  folder: ModelFolder,
  signal?: AbortSignal,
): Promise<Map<string, string>> {
  const index = await readJsonFile(folder, INDEX, signal);
  const where = `${folder.name}/${INDEX}`;
  if (!index) throw await noWeights(folder);
  const { weight_map: map } = index;
  if (!isObject(map)) throw new CheckpointError(`${where} has no weight_map`, where);
  const entries = Object.entries(map);
  for (const [tensor, file] of entries) {
    // A name with a path could lead out of the folder.
    if (typeof file === "string" && /^[\w][\w.-]*\.safetensors$/.test(file)) continue;
    const told = JSON.stringify(file)?.slice(0, 80);
    throw new CheckpointError(
      `${where} says that ${tensorLabel(tensor)} is in ${told}, no plain name`,
      where,
    );
  }
  if (new Set(entries.map(([, file]) => file)).size > MAX_FILES) {
    throw new CheckpointError(`${where} names more than the ${MAX_FILES} files allowed`, where);
  }
  return new Map(entries as [string, string][]);
}

function checkIndex(
  folder: ModelFolder,
  index: ReadonlyMap<string, string>,
  tensors: ReadonlyMap<string, PlacedTensor>,
  sources: ReadonlyMap<string, ByteSource>,
): void {
  const where = `${folder.name}/${INDEX}`;
  for (const [name, file] of index) {
    const found = tensors.get(name)?.source;
    if (found === sources.get(file)) continue;
    const truth = found ? `it is in ${found.name}` : "no file holds it";
    throw new CheckpointError(
      `${where} says that tensor ${tensorLabel(name)} is in ${file}: ${truth}`,
      where,
    );
  }
  for (const [name, { source }] of tensors) {
    if (index.has(name)) continue;
    throw new CheckpointError(
      `Tensor ${tensorLabel(name)} of ${source.name} is not in ${where}`,
      where,
    );
  }
}

function missingFile(folder: ModelFolder, file: string, index: number, count: number): SourceError {
  const name = `${folder.name}/${file}`;
  return new SourceError(
    `Weight file ${index + 1} of ${count} is missing: there is no ${name}`,
    name,
  );
}

async function noWeights(folder: ModelFolder): Promise<Error> {
  for (const file of OTHERS) {
    const source = await folder.open(file);
    if (!source) continue;
    await source.close();
    return new UnsupportedError(
      `${folder.name} has ${file} but no safetensors: other weights are not read`,
      file,
    );
  }
  return new SourceError(`${folder.name} has no weights: ${SINGLE} is missing`, folder.name);
}
