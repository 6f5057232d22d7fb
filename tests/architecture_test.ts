/** The house rules as a test: who may import whom, no cycles, sizes, first lines, names. Checks text only; runs nothing. */
import { assert, assertEquals } from "@std/assert";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const FOLDERS = ["packages", "weights", "tests", "bench", "core-rs"];
const SKIPPED = new Set(["node_modules", "target", "pkg", "fixtures", "results", "wasm-pack"]);

const MAX_FILE_LINES = 400;
const MAX_FUNCTION_LINES = 60;
const MAX_FOLDER_MODULES = 14;

/** Packages each package may import. */
const PACKAGE_EDGES: Readonly<Record<string, readonly string[]>> = {
  weights: [],
  runtime: ["weights"],
  api: ["runtime"],
  grpo: ["runtime"],
  cli: ["runtime", "api", "grpo", "weights"],
};

/** Inside the runtime: what each folder may import besides itself. `root` are the files of src itself. */
const RUNTIME_EDGES: Readonly<Record<string, readonly string[]>> = {
  gguf: ["vocabulary"],
  tokenizer: ["gguf", "vocabulary", "weights"],
  weights: ["gguf", "vocabulary"],
  model: ["vocabulary"],
  answer: ["tokenizer", "vocabulary"],
  sampler: ["vocabulary"],
  backend: ["vocabulary"],
  engine: ["answer", "tokenizer", "sampler", "model", "vocabulary"],
  prompt_cache: ["gguf", "engine", "model", "vocabulary"],
  quantize: ["gguf", "backend", "vocabulary"],
  convert: ["gguf", "tokenizer", "quantize", "vocabulary"],
  lora: [
    ...["convert", "gguf", "backend", "model", "engine", "weights", "quantize", "vocabulary"],
  ],
  training: [
    ...["convert", "gguf", "tokenizer", "weights", "model", "backend", "prompt_cache", "root"],
    "vocabulary",
  ],
  vocabulary: [],
  root: [
    ...["gguf", "tokenizer", "weights", "answer", "model", "sampler", "backend", "engine"],
    "prompt_cache",
    "lora",
    "vocabulary",
  ],
};

/** Files of src that everybody may know: the waist, its data and the errors. */
const VOCABULARY = new Set([
  "ops.ts",
  "tensor.ts",
  "batch.ts",
  "kv_cache.ts",
  "errors.ts",
  "events.ts",
  "yield_to_host.ts",
  "host.ts",
  "byte_hash.ts",
]);

const BANNED_NAMES = /^(utils?|helpers?|common|manager|misc)(_|\.|$)/;
/** Built from parts, so that this file does not contain what it looks for. */
const MARKS = new RegExp(
  ["TO" + "DO", "FIX" + "ME", "\\.ign" + "ore\\(", "to" + "do!", "unimplem" + "ented!"].join("|"),
);

interface Source {
  /** Path from the root, with slashes. */
  readonly path: string;
  readonly text: string;
  /** Paths of the project's own files that it imports. */
  readonly imports: readonly string[];
}

const files = FOLDERS.flatMap((folder) => list(folder)).map(read);
const modules = files.filter(({ path }) => path.endsWith(".ts"));
const isTest = (path: string) => /_test\.ts$|^tests\//.test(path);

function list(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return SKIPPED.has(entry.name) ? [] : list(path);
    return /\.(ts|rs)$/.test(entry.name) && !entry.name.endsWith(".d.ts") ? [path] : [];
  });
}

function read(path: string): Source {
  const text = readFileSync(join(ROOT, path), "utf8");
  return { path, text, imports: path.endsWith(".ts") ? importsOf(path, text) : [] };
}

function importsOf(path: string, text: string): string[] {
  const found: string[] = [];
  const code = text.replace(/^\s*\*.*$|\/\*\*.*?\*\//gm, "");
  for (const [, from] of code.matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)) {
    if (from.startsWith(".")) {
      found.push(normalize(join(dirname(path), from)).replaceAll("\\", "/"));
    } else if (from.startsWith("@aha/")) {
      const [name] = from.slice(5).split("/");
      found.push(name === "weights" ? "weights/manifest.ts" : `packages/${name}/mod.ts`);
    }
  }
  return found;
}

function packageOf(path: string): string | undefined {
  return /^packages\/([^/]+)\//.exec(path)?.[1] ?? /^(weights)\//.exec(path)?.[1];
}

function runtimeFolder(path: string): string | undefined {
  const match = /^packages\/runtime\/src\/(.+)$/.exec(path);
  if (!match) return undefined;
  const [first, ...rest] = match[1].split("/");
  if (rest.length > 0) return first;
  return VOCABULARY.has(first) ? "vocabulary" : "root";
}

Deno.test("architecture: packages import one way", () => {
  for (const { path, imports } of modules) {
    const own = packageOf(path);
    if (!own || isTest(path)) continue;
    for (const target of imports) {
      const other = packageOf(target);
      const allowed = other === own || (other && PACKAGE_EDGES[own].includes(other));
      assert(allowed, `${path} must not import ${target}`);
    }
  }
});

Deno.test("architecture: folders of the runtime import one way", () => {
  for (const { path, imports } of modules) {
    const own = runtimeFolder(path);
    if (!own || isTest(path)) continue;
    for (const target of imports) {
      const other = runtimeFolder(target);
      if (!other || other === own) continue;
      assert(RUNTIME_EDGES[own].includes(other), `${path} must not import ${target}`);
    }
  }
});

Deno.test("architecture: only backend/wasm knows the wasm module", () => {
  for (const { path, imports } of modules) {
    if (isTest(path) || path.startsWith("packages/runtime/src/backend/wasm/")) continue;
    const wasm = imports.find((target) => target.startsWith("packages/runtime/wasm/"));
    assertEquals(wasm, undefined, path);
  }
});

/** Inside the API: what each part must not know. */
const API_BARRIERS: readonly (readonly [folder: string, barred: RegExp])[] = [
  ["engine/", /src\/(routes|chat|middleware|listen)\/|src\/(app|errors|request_record)\.ts$/],
  ["structured/", /src\/(engine|routes|chat|middleware|listen)\//],
  ["chat/", /src\/(routes|middleware|listen)\//],
  ["", /src\/listen\//],
];

Deno.test("architecture: parts of the API import one way, and only its listener knows Node", () => {
  const root = "packages/api/src/";
  for (const { path, text, imports } of modules) {
    if (!path.startsWith(root) || isTest(path) || path.startsWith(`${root}listen/`)) continue;
    for (const [folder, barred] of API_BARRIERS) {
      if (!path.startsWith(root + folder)) continue;
      const target = imports.find((other) => barred.test(other));
      assertEquals(target, undefined, path);
    }
    assert(!/^import (?!type).*"node:/m.test(text), `${path} imports from node:`);
    assert(!/^(?!\s*(\*|\/)).*\bDeno\./m.test(text), `${path} needs Deno`);
  }
});

Deno.test("architecture: no import cycles", () => {
  const byPath = new Map(modules.map((module) => [module.path, module]));
  const state = new Map<string, "open" | "done">();
  const visit = (path: string, trail: readonly string[]): void => {
    assert(state.get(path) !== "open", `cycle: ${[...trail, path].join(" -> ")}`);
    if (state.has(path)) return;
    state.set(path, "open");
    for (const target of byPath.get(path)?.imports ?? []) visit(target, [...trail, path]);
    state.set(path, "done");
  };
  for (const { path } of modules) visit(path, []);
});

Deno.test("architecture: files and folders keep their budgets", () => {
  const folders = new Map<string, number>();
  for (const { path, text } of files) {
    const lines = text.split("\n").length - 1;
    assert(lines <= MAX_FILE_LINES, `${path} has ${lines} lines, ${MAX_FILE_LINES} are allowed`);
    if (isTest(path)) continue;
    folders.set(dirname(path), (folders.get(dirname(path)) ?? 0) + 1);
  }
  for (const [folder, count] of folders) {
    assert(count <= MAX_FOLDER_MODULES, `${folder} has ${count} modules`);
  }
});

Deno.test("architecture: functions keep their budget", () => {
  for (const { path, text } of files) {
    if (isTest(path)) continue;
    const lines = text.split("\n");
    lines.forEach((line, start) => {
      const opens =
        /^(\s*)(?:export |pub |async |unsafe |const |static )*(?:function\*? |fn )/.exec(line) ??
          /^( {2})(?:async |static |override )*\*?#?[a-z]\w*(?:<.*>)?\(.*\{$/i.exec(line);
      if (!opens) return;
      const end = lines.findIndex((other, i) => i > start && other === `${opens[1]}}`);
      const length = end - start + 1;
      assert(length <= MAX_FUNCTION_LINES, `${path}:${start + 1} has ${length} lines`);
    });
  }
});

Deno.test("architecture: the first line of a file says what it does", () => {
  for (const { path, text } of files) {
    const [first] = text.split("\n", 1);
    const opens = path.endsWith(".rs") ? /^\/\/! \S/ : /^\/\*\*( \S|$)/;
    assert(opens.test(first), `${path} begins with ${JSON.stringify(first)}`);
  }
});

Deno.test("architecture: names mean something, nothing is left undone", () => {
  for (const { path, text } of files) {
    const name = path.slice(path.lastIndexOf("/") + 1);
    assert(!BANNED_NAMES.test(name) || name.startsWith("helper_"), `${path} has an empty name`);
    const mark = text.split("\n").findIndex((line) => MARKS.test(line));
    assertEquals(mark, -1, `${path}:${mark + 1} is unfinished`);
  }
});

Deno.test("architecture: committed artifacts hold no path of a machine and stay small", () => {
  const folder = join(ROOT, "packages/runtime/wasm");
  const names = readdirSync(folder).filter((file) => file.endsWith(".wasm"));
  assertEquals(names.sort(), ["relaxed_threads.wasm", "simd.wasm", "simd_threads.wasm"]);
  for (const name of names) {
    const bytes = readFileSync(join(folder, name));
    assert(bytes.length <= 1_000_000, `${name} has ${bytes.length} bytes`);
    const found = /\/(home|root|usr|work|tmp|Users|build)\/[\w./-]*/.exec(bytes.toString("latin1"));
    assertEquals(found?.[0], undefined, relative(ROOT, join(folder, name)));
  }
});
