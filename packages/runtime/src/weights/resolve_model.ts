/** From what a user calls a model to something that can be opened. Opens nothing; loads the cache's code only where there is a disk. */
import { SourceError } from "../errors.ts";
import { builtin, isNodeLike } from "../host.ts";
import { parseShardName } from "../gguf/shards/shard_name.ts";
import { isHttpUrl, packagedPath, pullTarget } from "./model_reference.ts";
import type { PullOptions } from "./pull.ts";

/**
 * Gives the path or URL of a model: an existing path as it is; an http(s) URL as it is, or its copy in the
 * cache; `hf:ORG/REPO/FILE.gguf` and manifest names from the cache, pulled first where they are not in it. A model that comes
 * with the manifest's package is the file there.
 * A browser, or an isolate that may not know of a cache folder, has none and gets the URL of the first mirror.
 * @throws {SourceError} if there is no such model or it cannot be pulled
 */
export async function resolveModel(
  model: string,
  options: PullOptions = {},
): Promise<string | URL> {
  const found = await locateModel(model, options);
  if (found !== undefined) return found;
  const { pull } = await import("./pull.ts");
  return await pull(model, options);
}

/**
 * The same, but undefined where the model would have to be pulled first.
 * @throws {SourceError} if there is no such file
 */
export async function locateModel(
  model: string,
  options: Pick<PullOptions, "home" | "manifest"> = {},
): Promise<string | URL | undefined> {
  if (!isNodeLike()) return browserUrl(model, options);
  if (/^file:\/\//i.test(model)) return model;
  const fs = builtin("node:fs");
  const { cachedPath, fileBytes, isCached, mayCache } = await import("./pull.ts");
  if (fileBytes(model) === undefined) {
    const packaged = packagedPath(model, options.manifest);
    if (packaged !== undefined) return packaged;
    if (!mayCache(options.home)) return browserUrl(model, options);
  }
  const cached = (name: string) => {
    const target = pullTarget(name, options.manifest);
    const path = cachedPath(target, options.home);
    return isCached(path, target) ? path : undefined;
  };
  const whole = (name: string) =>
    (parseShardName(name)?.all ?? []).every(cached) ? cached(name) : undefined;
  if (isHttpUrl(model)) return whole(model) ?? new URL(model);
  if (fileBytes(model) !== undefined) return model;
  if (!model.startsWith("hf:") && (/[\\/]/.test(model) || model.endsWith(".gguf"))) {
    throw new SourceError(`Cannot open ${model}: ${whyNoFile(fs, model)}`, model);
  }
  return whole(model);
}

function whyNoFile(fs: typeof import("node:fs"), path: string): string {
  try {
    fs.statSync(path);
    return "it is no regular file";
  } catch (error) {
    const isCircle = (error as { code?: string }).code === "ELOOP";
    return isCircle ? "its symbolic links lead in a circle" : "there is no such file";
  }
}

function browserUrl(model: string, { manifest }: Pick<PullOptions, "manifest">): URL {
  for (const mirror of pullTarget(model, manifest).mirrors) {
    if (mirror.kind === "url") return new URL(mirror.url);
  }
  throw new SourceError(`No mirror of ${model} can be reached from a browser`, model);
}
