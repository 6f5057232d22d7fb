/** What would be published to JSR: no slow types, every file that is needed, no other. Publishes nothing and asks no registry. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { join, relative } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const FOLDERS: readonly string[] = JSON.parse(fs.readFileSync(join(ROOT, "deno.json"), "utf8"))
  .workspace;

interface Config {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly description: string;
  readonly exports: string | Readonly<Record<string, string>>;
}

function configOf(folder: string): Config {
  return JSON.parse(fs.readFileSync(join(ROOT, folder, "deno.json"), "utf8"));
}

/** The files of a package that a dry run names, relative to its folder. */
function publishedFiles(folder: string): string[] {
  const cwd = join(ROOT, folder);
  const words = ["publish", "--dry-run", "--allow-dirty"];
  const { status, stderr, stdout } = spawnSync(process.execPath, words, {
    cwd,
    env: { ...process.env, NO_COLOR: "1" },
    encoding: "utf8",
  });
  const output = stdout + stderr;
  assertEquals(status, 0, output);
  assertStringIncludes(output, "Success Dry run complete");
  assert(!/warning/i.test(output), output);
  return [...output.matchAll(/^\s*(file:\S+) \(/gm)]
    .map(([, url]) => relative(cwd, fileURLToPath(url)).replaceAll("\\", "/"));
}

Deno.test("deno publish: a dry run passes without slow types and names the files that are needed", () => {
  for (const folder of FOLDERS) {
    const { exports } = configOf(folder);
    const files = publishedFiles(folder);
    const entries = typeof exports === "string" ? [exports] : Object.values(exports);
    const wanted = ["deno.json", "LICENSE", "README.md", ...entries.map((file) => file.slice(2))];
    if (folder.endsWith("runtime")) {
      wanted.push("wasm/core.d.ts", "src/backend/wasm/embedded.d.ts");
      wanted.push(...["relaxed_threads", "simd_threads", "simd"].map((v) => `wasm/${v}.wasm`));
    }
    if (folder.endsWith("weights")) {
      const files = ["nano.gguf", "nano-student.gguf", "nano.json", "files.ts"];
      wanted.push(...files.map((file) => `nano/${file}`));
    }
    if (folder.endsWith("grpo")) wanted.push("schema/run_config.schema.json");
    for (const file of wanted) assert(files.includes(file), `${folder}: ${file} is missing`);
    const others = files.filter((file) => !wanted.includes(file));
    for (const file of others) {
      assert(/^(mod|src\/.*)\.ts$/.test(file), `${folder}: ${file} is not needed`);
      assert(!file.endsWith("_test.ts"), `${folder}: ${file} is a test`);
    }
  }
});

Deno.test("packages: one version, one license, a description of one line", () => {
  const license = fs.readFileSync(join(ROOT, "LICENSE"), "utf8");
  const versions = new Set<string>();
  for (const folder of FOLDERS) {
    const { name, version, license: identifier, description } = configOf(folder);
    versions.add(version);
    assertEquals(identifier, "Apache-2.0");
    assertEquals(fs.readFileSync(join(ROOT, folder, "LICENSE"), "utf8"), license);
    assert(/^[^\n]{20,250}$/.test(description), `${folder}: ${description}`);
    const readme = fs.readFileSync(join(ROOT, folder, "README.md"), "utf8");
    assert(readme.startsWith(`# ${name}\n`), `${folder}/README.md`);
  }
  assertEquals(versions.size, 1);
});

Deno.test("deno.lock: no host of a registry", () => {
  const lock = fs.readFileSync(join(ROOT, "deno.lock"), "utf8");
  assertEquals(/https?:\/\/[^"]*/.exec(lock)?.[0], undefined);
});
