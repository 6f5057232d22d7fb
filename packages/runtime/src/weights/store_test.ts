/** Tests of the cache folder, of listing and removing, and of resolving what users call a model. */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { Manifest } from "@aha/weights";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { SourceError, StoreError } from "../errors.ts";
import { cacheFolder } from "./cache_folder.ts";
import { pullTarget } from "./model_reference.ts";
import { cachedPath, pull } from "./pull.ts";
import { resolveModel } from "./resolve_model.ts";
import { listModels, removeModel } from "./store.ts";

const MANIFEST: Manifest = {
  models: [{
    name: "tiny",
    summary: "a test",
    file: "tiny.gguf",
    sizeBytes: 5,
    sha256: "",
    licence: "CC0-1.0",
    mirrors: [],
  }],
};

/** Of a file that comes with the package, at `base`. */
const packaged = (base: string): Manifest => ({
  models: [{
    ...MANIFEST.models[0],
    name: "own",
    file: "own.gguf",
    packaged: () => new URL("./own.gguf", base),
  }],
});

async function withHome(run: (home: string) => Promise<void> | void): Promise<void> {
  const home = fs.mkdtempSync(join(tmpdir(), "aha-store-"));
  try {
    await run(home);
  } finally {
    fs.rmSync(home, { recursive: true });
  }
}

/** Puts a file into the cache as a pull does. */
function cache(home: string, model: string, manifest = MANIFEST): string {
  const target = pullTarget(model, manifest);
  const path = cachedPath(target, home);
  fs.mkdirSync(join(path, ".."), { recursive: true });
  fs.writeFileSync(path, "hello");
  const { name, file } = target;
  fs.writeFileSync(join(path, "..", "model.json"), JSON.stringify({ name, file }));
  return path;
}

Deno.test("cacheFolder: follows AHA_HOME, then the platform", () => {
  const folder = (os: string, env: Record<string, string>) =>
    cacheFolder({ os, env, home: "/home/u" });
  assertEquals(folder("linux", {}), "/home/u/.cache/aha");
  assertEquals(folder("linux", { XDG_CACHE_HOME: "/x" }), "/x/aha");
  assertEquals(folder("linux", { XDG_CACHE_HOME: "/x", AHA_HOME: "/a" }), "/a");
  assertEquals(folder("darwin", {}), "/home/u/Library/Caches/aha");
  assertEquals(folder("win32", { LOCALAPPDATA: "/l" }), "/l/aha");
});

Deno.test("listModels: lists the manifest and all that is cached", async () => {
  await withHome((home) => {
    assertEquals(listModels({ home, manifest: MANIFEST }).map(({ path }) => path), [undefined]);
    const tiny = cache(home, "tiny");
    const hub = cache(home, "hf:org/repo/sub/model.gguf");
    const url = cache(home, "http://127.0.0.1/model.gguf?x=1");
    fs.mkdirSync(join(home, "models", "stray"));
    const models = listModels({ home, manifest: MANIFEST });
    assertEquals(models.map(({ name, path, sizeBytes }) => [name, path, sizeBytes]), [
      ["tiny", tiny, 5],
      ["hf:org/repo/sub/model.gguf", hub, 5],
      ["http://127.0.0.1/model.gguf?x=1", url, 5],
    ]);
  });
});

Deno.test("removeModel: removes the whole folder, a broken download too", async () => {
  await withHome((home) => {
    const options = { home, manifest: MANIFEST };
    const path = cache(home, "tiny");
    assert(removeModel("tiny", options) >= 5);
    assert(!fs.existsSync(join(path, "..")));
    fs.mkdirSync(join(home, "models", "tiny"));
    fs.writeFileSync(`${path}.part`, "123");
    assertEquals(removeModel("tiny", options), 3);
    const error = assertThrows(() => removeModel("tiny", options), StoreError, "it holds none");
    assert(!error.message.includes("\n"));
    assertThrows(() => removeModel("..", options), StoreError);
  });
});

Deno.test("resolveModel: paths, URLs and names", async () => {
  await withHome(async (home) => {
    const options = { home, manifest: MANIFEST };
    const tiny = cache(home, "tiny");
    assertEquals(await resolveModel("tiny", options), tiny);
    assertEquals(await resolveModel(tiny, options), tiny);
    const url = "http://127.0.0.1/model.gguf";
    assertEquals(String(await resolveModel(url, options)), url);
    const cached = cache(home, url);
    assertEquals(await resolveModel(url, options), cached);
    const hub = cache(home, "hf:org/repo/model.gguf");
    assertEquals(await resolveModel("hf:org/repo/model.gguf", options), hub);
  });
});

Deno.test("resolveModel: what is not there is told in one line", async () => {
  const options = { manifest: MANIFEST };
  const missing = () => resolveModel("no/such.gguf", options);
  await assertRejects(missing, SourceError, "Cannot open no/such.gguf: there is no such file");
  await assertRejects(() => resolveModel("./", options), SourceError, "no regular file");
  await assertRejects(() => resolveModel("huge", options), SourceError, "a known name (tiny)");
});

Deno.test("resolveModel: a model that comes with the package is its file, which is neither pulled nor removed", async () => {
  await withHome(async (home) => {
    const folder = join(home, "a package");
    const base = pathToFileURL(join(folder, "manifest.ts")).href;
    const options = { home, manifest: packaged(base) };
    const path = join(folder, "own.gguf");
    assertEquals(await resolveModel("own", options), path);
    assertEquals(await pull("own", options), path);
    const [{ isPackaged, path: listed }] = listModels(options);
    assertEquals([isPackaged, listed], [true, path]);
    assertThrows(() => removeModel("own", options), StoreError, "own comes with Aha");
    assert(!fs.existsSync(join(home, "models")));
  });
});

Deno.test("resolveModel: a package that is read over HTTP gives its files from there, a program in one file none", async () => {
  await withHome(async (home) => {
    const remote = packaged("https://packages.example/weights/manifest.ts");
    const url = "https://packages.example/weights/own.gguf";
    assertEquals(pullTarget("own", remote).mirrors, [{ kind: "url", url }]);
    const path = cache(home, "own", remote);
    assertEquals(await resolveModel("own", { home, manifest: remote }), path);
    assertEquals(listModels({ home, manifest: remote })[0].isPackaged, undefined);
    const inline = { home, manifest: packaged("data:text/javascript,") };
    await assertRejects(() => resolveModel("own", inline), SourceError, "program in one file");
  });
});

Deno.test("pullTarget: a hub reference becomes an address", () => {
  const [mirror] = pullTarget("hf:org/repo/sub/m.gguf", MANIFEST, "http://127.0.0.1:1/").mirrors;
  assertEquals(mirror, {
    kind: "url",
    url: "http://127.0.0.1:1/org/repo/resolve/main/sub/m.gguf",
  });
});
