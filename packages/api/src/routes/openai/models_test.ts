/** Tests of models.ts. */
import { assertEquals } from "@std/assert";
import { scriptedApp } from "../../../../../tests/support/scripted_app.ts";

Deno.test("models: the list and each of them, with facts where a model is loaded", async () => {
  const app = scriptedApp({ content: [] }, {}, (engine) => ({
    models: () => [
      ...engine.models(),
      { name: "hf:ORG/REPO/FILE.gguf", created: 5, state: "cold" as const },
    ],
  }));
  const loaded = {
    ...{ id: "scripted", object: "model", created: 1_700_000_000, owned_by: "aha" },
    meta: { n_vocab: 256, n_ctx_train: 512, n_embd: 64, n_params: 1_000_000, size: 1_100_000 },
  };
  const cold = { id: "hf:ORG/REPO/FILE.gguf", object: "model", created: 5, owned_by: "aha" };
  for (const path of ["/v1/models", "/models"]) {
    const list = await (await app.request(path)).json();
    assertEquals(list, { object: "list", data: [loaded, cold] });
    assertEquals(await (await app.request(`${path}/scripted`)).json(), loaded);
    assertEquals(await (await app.request(`${path}/hf:ORG/REPO/FILE.gguf`)).json(), cold);
    assertEquals(await (await app.request(`${path}/hf:ORG%2FREPO%2FFILE.gguf`)).json(), cold);
    const missing = await app.request(`${path}/other`);
    assertEquals([missing.status, (await missing.json()).error.code], [404, "model_not_found"]);
  }
});

Deno.test("models: there is no balance", async () => {
  const response = await scriptedApp({ content: [] }).request("/user/balance");
  assertEquals([response.status, (await response.json()).error.type], [
    501,
    "not_implemented_error",
  ]);
});
