/** Tests of openapi.ts. */
import { assert, assertEquals } from "@std/assert";
import { scriptedApp } from "../../../tests/support/scripted_app.ts";

// deno-lint-ignore no-explicit-any
type Json = any;

async function document(options = {}): Promise<Json> {
  const response = await scriptedApp({ content: [] }, options).request("/openapi.json");
  assertEquals(response.status, 200);
  return await response.json();
}

Deno.test("openapi.json: every route with its errors, and nothing that is not built", async () => {
  const { openapi, info, paths } = await document({ version: "1.2.3" });
  assertEquals([openapi, info.version], ["3.1.0", "1.2.3"]);
  const posts = Object.keys(paths).filter((path) => paths[path].post).sort();
  for (
    const path of [
      ...["/beta/chat/completions", "/beta/completions", "/chat/completions"],
      ...["/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/responses"],
    ]
  ) assert(posts.includes(path), path);
  assert(paths["/v1/models"].get && paths["/v1/models/{model}"].get && paths["/models"].get);
  assert(!("/user/balance" in paths));
  const { responses } = paths["/v1/chat/completions"].post;
  assertEquals(Object.keys(responses), [
    ...["200", "400", "401", "403", "404", "408", "413", "415", "429", "500", "501", "503", "504"],
  ]);
  assertEquals(Object.keys(responses[200].content), ["application/json", "text/event-stream"]);
});

Deno.test("openapi.json: every reference leads somewhere", async () => {
  const found = await document();
  const references = [...JSON.stringify(found).matchAll(/"\$ref":"([^"]+)"/g)].map(([, to]) => to);
  assert(references.length > 0);
  for (const reference of new Set(references)) {
    const target = reference.slice(2).split("/").reduce((at: Json, key) => at?.[key], found);
    assert(target, reference);
  }
});

Deno.test("openapi.json: keys are told of where there are any", async () => {
  assertEquals((await document()).security, undefined);
  const { security, components, paths } = await document({ apiKeys: [{ name: "me", key: "k" }] });
  assertEquals(security, [{ key: [] }]);
  assertEquals(components.securitySchemes.key, { type: "http", scheme: "bearer" });
  assertEquals([paths["/health"].get.security, paths["/v1/models"].get.security], [[], undefined]);
});

Deno.test("openapi.json: whole numbers are JavaScript's, null is among the values of what is nullable", async () => {
  const { components: { schemas } } = await document();
  const { max_tokens, n, reasoning_effort } = schemas.ChatCompletionRequest.properties;
  assertEquals([max_tokens.minimum, max_tokens.maximum], [1, Number.MAX_SAFE_INTEGER]);
  assertEquals(n.type, ["integer", "null"]);
  assert(reasoning_effort.enum.includes("low") && reasoning_effort.enum.includes(null));
});
