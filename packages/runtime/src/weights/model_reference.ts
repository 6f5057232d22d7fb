/** What a model's name, hub reference or URL stands for: files to fetch and where they are cached. Touches no disk and no network. */
import {
  findModel,
  type Manifest,
  manifest as builtIn,
  type Mirror,
  type ModelEntry,
} from "@aha/weights";
import { SourceError } from "../errors.ts";
import { builtin } from "../host.ts";
import { withoutShardNumber } from "../gguf/shards/shard_name.ts";

/** A model that can be pulled. */
export interface PullTarget {
  /** As the user calls it. */
  readonly name: string;
  /** Folder of its own among the cached models. */
  readonly folder: string;
  readonly file: string;
  /** Known for models of the manifest only. */
  readonly sizeBytes?: number;
  readonly sha256?: string;
  readonly mirrors: readonly Mirror[];
}

const HUB = "https://huggingface.co";

/** Whether `model` is an http(s) address. */
export function isHttpUrl(model: string): boolean {
  return /^https?:\/\//i.test(model);
}

/**
 * The target of a manifest name, `hf:ORG/REPO/FILE.gguf` or an http(s) URL.
 * `hubUrl` replaces the hub's address (the variable HF_ENDPOINT of its own tools).
 * @throws {SourceError} for anything else
 */
export function pullTarget(
  model: string,
  manifest: Manifest = builtIn,
  hubUrl: string = HUB,
): PullTarget {
  if (isHttpUrl(model)) return urlTarget(model);
  if (model.startsWith("hf:")) return hubTarget(model, hubUrl);
  const entry = findModel(model, manifest);
  if (entry) return { ...entry, folder: entry.name, mirrors: mirrorsOf(entry) };
  const names = manifest.models.map(({ name }) => name).join(", ");
  throw new SourceError(
    `No model ${
      JSON.stringify(model)
    }: there is no such file; give a path, a URL, hf:ORG/REPO/FILE.gguf or a known name (${names})`,
    model,
  );
}

/**
 * A file that comes with a package that is read over HTTP is fetched from there, once.
 * @throws {SourceError} in a program that has no place of its own
 */
function mirrorsOf(entry: ModelEntry): readonly Mirror[] {
  if (!entry.packaged) return entry.mirrors;
  const place = placeOf(entry);
  if (place) return isHttpUrl(place.href) ? [{ kind: "url", url: place.href }] : [];
  const { name } = entry;
  throw new SourceError(
    `The file of ${name} does not come with a program in one file: give the path or URL of one`,
    name,
  );
}

/** Undefined also where the program has no place of its own. */
function placeOf({ packaged }: ModelEntry): URL | undefined {
  try {
    return packaged?.();
  } catch {
    return undefined;
  }
}

/** The path of a model whose file comes with the manifest's package, where that lies on a disk; undefined for all others. */
export function packagedPath(model: string, manifest: Manifest = builtIn): string | undefined {
  const entry = findModel(model, manifest);
  const place = entry && placeOf(entry);
  return place?.protocol === "file:" ? builtin("node:url").fileURLToPath(place) : undefined;
}

function urlTarget(model: string): PullTarget {
  let url: URL;
  try {
    url = new URL(model);
  } catch (error) {
    throw new SourceError(`Cannot read ${model}: this is no valid URL`, model, { cause: error });
  }
  const last = safeName(url.pathname.split("/").at(-1) ?? "") || "model";
  return {
    name: model,
    folder: `url-${shortHash(withoutShardNumber(url.href))}-${safeName(url.hostname)}`,
    file: last.endsWith(".gguf") ? last : `${last}.gguf`,
    mirrors: [{ kind: "url", url: url.href }],
  };
}

function hubTarget(model: string, hubUrl: string): PullTarget {
  const parts = model.slice("hf:".length).split("/");
  const sound = parts.every((part) => /^[\w][\w.+-]*$/.test(part) && !part.includes(".."));
  if (parts.length < 3 || !sound || !model.endsWith(".gguf")) {
    throw new SourceError(
      `Cannot read ${JSON.stringify(model)}: a hub model is given as hf:ORG/REPO/FILE.gguf`,
      model,
    );
  }
  const [org, repo, ...path] = parts;
  return {
    name: model,
    folder: `hf-${shortHash(withoutShardNumber(model))}-${repo}`.slice(0, 100),
    file: path.join("_"),
    mirrors: [{
      kind: "url",
      url: `${hubUrl.replace(/\/+$/, "")}/${org}/${repo}/resolve/main/${path.join("/")}`,
    }],
  };
}

function safeName(text: string): string {
  return text.replace(/[^\w.-]/g, "_").replace(/^\.+/, "").slice(-100);
}

/** FNV-1a in two lanes, 16 hexadecimal digits: keeps folder names apart, protects nothing. */
function shortHash(text: string): string {
  let [high, low] = [0x811c9dc5, 0x01000193];
  for (let i = 0; i < text.length; i++) {
    high = Math.imul(high ^ text.charCodeAt(i), 16777619);
    low = Math.imul(low ^ text.charCodeAt(i), 2246822519) ^ high >>> 15;
  }
  const hex = (lane: number) => (lane >>> 0).toString(16).padStart(8, "0");
  return hex(high) + hex(low);
}
