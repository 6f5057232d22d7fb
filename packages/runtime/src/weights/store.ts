/** Lists and removes the models in the cache. Downloads nothing. */
import * as fs from "node:fs";
import { join } from "node:path";
import { type Manifest, manifest as builtIn } from "@aha/weights";
import { StoreError } from "../errors.ts";
import { parseShardName } from "../gguf/shards/shard_name.ts";
import { modelsFolder } from "./cache_folder.ts";
import { packagedPath } from "./model_reference.ts";
import { storing } from "./part_file.ts";
import type { CachedModel } from "./pull.ts";

/** A model that has a name or lies in the cache. */
export interface StoredModel {
  readonly name: string;
  /** Of the whole file. */
  readonly sizeBytes: number;
  /** Where it lies; missing where it is not downloaded (or not wholly). */
  readonly path?: string;
  /** Whether it comes with the manifest's package, and takes no room in the cache. */
  readonly isPackaged?: true;
  /** For models of the manifest. */
  readonly summary?: string;
  readonly licence?: string;
}

/** Options of `listModels` and `removeModel`. */
export interface StoreOptions {
  /** Cache folder instead of the platform's. */
  readonly home?: string;
  /** Names instead of the built-in ones. */
  readonly manifest?: Manifest;
}

/** The models of the manifest, downloaded or not, then all others in the cache, by name. */
export function listModels(options: StoreOptions = {}): StoredModel[] {
  const { models } = options.manifest ?? builtIn;
  const cached = new Map(cachedModels(options.home).map((model) => [model.name, model]));
  const named = models.map(({ name, sizeBytes, summary, licence }): StoredModel => {
    const packaged = packagedPath(name, options.manifest);
    const path = packaged ?? cached.get(name)?.path;
    cached.delete(name);
    const origin = packaged === undefined ? {} : { isPackaged: true } as const;
    return { name, sizeBytes, summary, licence, path, ...origin };
  });
  const others = [...cached.values()].sort((a, b) => a.name < b.name ? -1 : 1);
  return [...named, ...others.map(({ name, sizeBytes, path }) => ({ name, sizeBytes, path }))];
}

/**
 * Removes a model from the cache with what is left of broken downloads; gives the bytes freed.
 * @throws {StoreError} if it is not there or cannot be removed
 */
export function removeModel(name: string, options: StoreOptions = {}): number {
  const folder = modelsFolder(options.home);
  const found = cachedModels(options.home).find((model) => model.name === name);
  const unfinished = options.manifest ?? builtIn;
  const isNamed = unfinished.models.some((entry) => entry.name === name);
  const path = found ? found.folder : isNamed ? join(folder, name) : undefined;
  if (path === undefined || !fs.existsSync(path)) {
    if (packagedPath(name, options.manifest) !== undefined) {
      throw new StoreError(`${name} comes with Aha: it is not in the cache ${folder}`, folder);
    }
    const names = cachedModels(options.home).map((model) => model.name).join(", ");
    throw new StoreError(
      `No model ${JSON.stringify(name)} in the cache ${folder}: it holds ${names || "none"}`,
      folder,
    );
  }
  let freedBytes = 0;
  for (const file of fs.readdirSync(path)) freedBytes += fs.statSync(join(path, file)).size;
  storing(path, () => fs.rmSync(path, { recursive: true }));
  return freedBytes;
}

interface Found {
  readonly name: string;
  readonly sizeBytes: number;
  readonly path: string;
  readonly folder: string;
}

/** Every folder with a note and the file that it speaks of. */
function cachedModels(home?: string): Found[] {
  const root = modelsFolder(home);
  const folders = fs.existsSync(root) ? fs.readdirSync(root) : [];
  const found: Found[] = [];
  for (const name of folders) {
    const folder = join(root, name);
    const note = readNote(join(folder, "model.json"));
    if (note === undefined) continue;
    const path = join(folder, note.file);
    const parts = parseShardName(path)?.all ?? [path];
    const sizes = parts.map((part) => fs.statSync(part, { throwIfNoEntry: false })?.size);
    if (sizes.includes(undefined)) continue; // a shard is missing yet
    const sizeBytes = sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0);
    found.push({ name: note.name, sizeBytes, path, folder });
  }
  return found;
}

function readNote(path: string): CachedModel | undefined {
  try {
    const { name, file } = JSON.parse(fs.readFileSync(path, "utf8")) as Partial<CachedModel>;
    return typeof name === "string" && typeof file === "string" ? { name, file } : undefined;
  } catch {
    return undefined; // no model of ours
  }
}
