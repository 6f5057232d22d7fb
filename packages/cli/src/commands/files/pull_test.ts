/** Tests of pull.ts and models.ts, with a cache of their own and a local server. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runAha } from "../../../../../tests/support/captured_io.ts";
import { ggufBytes, plainMetadata } from "../../../../../tests/support/gguf_bytes.ts";
import { startRangeServer } from "../../../../../tests/support/range_server.ts";

const FILE = ggufBytes({ metadata: plainMetadata({ "general.architecture": "llama" }) });

/** Runs with AHA_HOME naming a fresh folder. */
async function withHome(run: (home: string) => Promise<void>): Promise<void> {
  const home = fs.mkdtempSync(join(tmpdir(), "aha-cli-"));
  const before = Deno.env.get("AHA_HOME");
  Deno.env.set("AHA_HOME", home);
  try {
    await run(home);
  } finally {
    if (before === undefined) Deno.env.delete("AHA_HOME");
    else Deno.env.set("AHA_HOME", before);
    fs.rmSync(home, { recursive: true });
  }
}

Deno.test("aha pull, models: a URL is pulled, listed and removed", async () => {
  const server = startRangeServer({ bytes: FILE });
  try {
    await withHome(async (home) => {
      const pulled = await runAha(["pull", server.url]);
      assertEquals([pulled.code, pulled.error], [0, ""]);
      assertEquals(new Uint8Array(fs.readFileSync(pulled.out.trim())), FILE);
      const again = JSON.parse((await runAha(["pull", server.url, "--json"])).out);
      assertEquals(again, {
        model: server.url,
        path: pulled.out.trim(),
        sizeBytes: FILE.length,
      });
      assertEquals(server.requests.length, 1);

      const { cache, models } = JSON.parse((await runAha(["models", "--json"])).out);
      assertEquals(cache, home);
      assertEquals(models.at(-1), {
        name: server.url,
        sizeBytes: FILE.length,
        path: pulled.out.trim(),
      });
      assertMatch((await runAha(["models"])).out, /\/model\.gguf .*in the cache/);

      const removed = await runAha(["models", "rm", server.url]);
      assertEquals(removed.code, 0);
      assertStringIncludes(removed.out, `Removed ${server.url}`);
      assert(!fs.existsSync(pulled.out.trim()));
    });
  } finally {
    await server.close();
  }
});

Deno.test("aha models: names of the manifest are listed though not downloaded", async () => {
  await withHome(async (home) => {
    const { code, out } = await runAha(["models"]);
    assertEquals(code, 0);
    assertMatch(out, /^nano +\d+\.\d [KM]iB +comes with Aha +Nano, /);
    assertMatch(out, /^smollm2-135m +93\.8 MiB +not downloaded/m);
    assertStringIncludes(out, `The cache is ${home}\n`);
  });
});

Deno.test("aha pull: a model that comes with Aha is where it is", async () => {
  await withHome(async (home) => {
    const { code, out } = await runAha(["pull", "nano"]);
    assertEquals(code, 0);
    assertStringIncludes(out, "weights/nano/nano.gguf\n");
    assertEquals(fs.readdirSync(home), []);
  });
});

Deno.test("aha pull, models: bad input is one line, with its exit code", async () => {
  await withHome(async () => {
    const cases: [string[], number, string][] = [
      [["pull"], 2, "MODEL"],
      [["pull", "huge"], 1, `No model "huge"`],
      [["models", "rm", "nano"], 1, "nano comes with Aha"],
      [["pull", "hf:a/b"], 1, "hf:ORG/REPO/FILE.gguf"],
      [["models", "drop"], 2, `unknown action "drop"`],
      [["models", "rm"], 2, "needs a NAME"],
      [["models", "rm", "smollm2-135m"], 1, "it holds none"],
    ];
    for (const [words, code, message] of cases) {
      const ended = await runAha(words);
      assertEquals([ended.code, ended.out], [code, ""], words.join(" "));
      assertMatch(ended.error, /^aha: [^\n]+\n$/);
      assertStringIncludes(ended.error, message);
    }
  });
});
