/** What callers give as adapters, checked, each with a name. Opens nothing. */

/** Where an adapter is: a path, a URL or the Blob of a GGUF file, the path of peft's folder, or its files by name. */
export type AdapterPlace = string | URL | Blob | ReadonlyMap<string, Blob>;

/** An adapter to load with a model. */
export interface LoraSource {
  /**
   * A GGUF LoRA file (a path, a URL, `hf:ORG/REPO/FILE.gguf`, a Blob), or a folder of peft's: its path, or its files
   * `adapter_config.json` and `adapter_model.safetensors` by name.
   */
  readonly from: AdapterPlace;
  /** Requests choose it by this. Default: its file's or folder's name. */
  readonly name?: string;
  /** Whether it applies to requests that choose none. Default: where no name is given. */
  readonly isDefault?: boolean;
  /** Factor on what it adds, besides its own alpha / r. Default 1. */
  readonly scale?: number;
}

/** An adapter to load, with or without more said of it. */
export type LoraInput = AdapterPlace | LoraSource;

/** An adapter to load, with all said of it. */
export interface NamedLora {
  readonly from: AdapterPlace;
  readonly name: string;
  readonly isDefault: boolean;
  readonly scale: number;
}

/** What a name may look like: it stands in requests and on command lines. */
const NAME = /^[\w][\w.-]*$/;

/**
 * All adapters with a name of their own, in the order given.
 * @throws {TypeError} for what is no place of an adapter
 * @throws {RangeError} for a name given twice or that cannot be one, and a scale that is no number
 */
export function namedLora(lora: LoraInput | readonly LoraInput[] = []): NamedLora[] {
  const sources = (Array.isArray(lora) ? lora : [lora]).map(sourceOf);
  const given = sources.flatMap(({ name }) => name ?? []);
  for (const [i, name] of given.entries()) {
    if (typeof name !== "string" || !NAME.test(name)) {
      throw new RangeError(
        `An adapter cannot be called ${JSON.stringify(name)}: letters, digits and -._ make a name`,
      );
    }
    if (given.indexOf(name) < i) throw new RangeError(`Two adapters are called ${name}`);
  }
  const taken = new Set(given);
  return sources.map(({ from, name, scale = 1, isDefault = name === undefined }) => {
    if (typeof scale !== "number" || !Number.isFinite(scale)) {
      throw new RangeError(`The scale of an adapter is ${scale}, it must be a number`);
    }
    const own = name ?? freeName(nameOfPlace(from), taken);
    taken.add(own);
    return { from, name: own, isDefault, scale };
  });
}

function sourceOf(input: LoraInput): LoraSource {
  const isPlace = (value: unknown): value is AdapterPlace =>
    typeof value === "string" || value instanceof URL || value instanceof Blob ||
    value instanceof Map;
  if (isPlace(input)) return { from: input };
  const source = input as LoraSource | null;
  if (isPlace(source?.from)) return source;
  throw new TypeError(
    "lora holds what is no adapter: give a path, a URL, a Blob, a Map of files, or { from, name, scale }",
  );
}

/** What an adapter is called by its place. */
export function placeText(from: AdapterPlace): string {
  if (from instanceof Blob) return (from as { readonly name?: string }).name ?? "Blob";
  return from instanceof Map ? "files" : String(from);
}

/** For example `sql` for `adapters/sql.gguf`. */
function nameOfPlace(from: AdapterPlace): string {
  const path = placeText(from).replace(/[?#].*$/, "").replace(/[\\/]+$/, "");
  const file = path.split(/[\\/]/).at(-1) ?? "";
  return file.replace(/\.gguf$/i, "").replace(/[^\w.-]/g, "_").replace(/^[.-]+/, "") || "adapter";
}

function freeName(name: string, taken: ReadonlySet<string>): string {
  if (!taken.has(name)) return name;
  let number = 2;
  while (taken.has(`${name}-${number}`)) number++;
  return `${name}-${number}`;
}
