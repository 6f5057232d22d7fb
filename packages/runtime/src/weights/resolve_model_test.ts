/** Tests of finding a model: names, places, folders that may not be known. */
import { assertEquals, assertRejects } from "@std/assert";
import { SourceError } from "../errors.ts";
import { resolveModel } from "./resolve_model.ts";

const URL_OF_MODEL = "https://models.example/a/tiny.gguf";

Deno.test({
  name: "resolveModel: an isolate that may not know the cache folder reads over HTTP",
  permissions: { read: true, env: false, sys: false },
  fn: async () => {
    assertEquals(await resolveModel(URL_OF_MODEL), new URL(URL_OF_MODEL));
    const named = await resolveModel("smollm2-135m");
    assertEquals(named instanceof URL && named.protocol, "https:");
    const here = "packages/runtime/deno.json";
    assertEquals(await resolveModel(here), here);
    await assertRejects(() => resolveModel("missing/model.gguf"), SourceError);
  },
});
