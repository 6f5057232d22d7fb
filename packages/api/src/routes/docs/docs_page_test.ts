/** Tests of docs_page.ts and mod.ts. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { scriptedApp } from "../../../../../tests/support/scripted_app.ts";
import { scriptedEngine } from "../../../../../tests/support/scripted_engine.ts";
import { createApp } from "../../app.ts";
import { Metrics } from "../../metrics/metrics.ts";
import { llamaServerRoutes } from "../llama_server/mod.ts";
import { ollamaRoutes } from "../ollama/mod.ts";
import { curlExample, docsPage } from "./docs_page.ts";
import { docsRoutes } from "./mod.ts";
import { bodyExample, endpointsOf, examplePath, type OpenApiDocument } from "./open_api.ts";

const ORIGIN = "http://127.0.0.1:8787";

const document: OpenApiDocument = {
  info: { title: "Aha <&>", version: "1.2.3", description: "What it is." },
  paths: {
    "/v1/say": {
      post: {
        summary: 'Says "it\'s" <b>so</b>',
        tags: ["Words"],
        requestBody: {
          content: { "application/json": { schema: { $ref: "#/components/schemas/Say" } } },
        },
        responses: { "200": { description: "Said" }, "501": { description: "Not built" } },
      },
    },
    "/v1/words/{word}": {
      get: {
        tags: ["Words"],
        parameters: [{ name: "word", in: "path", required: true, schema: { example: "a/b" } }],
      },
      delete: { deprecated: true, summary: "Forgets it" },
    },
    "/health": { get: { security: [] } },
  },
  components: {
    schemas: {
      Say: {
        type: "object",
        required: ["text", "tree"],
        properties: {
          text: { type: "string", example: "it's" },
          times: { type: ["integer", "null"], description: "How often" },
          loud: { type: "boolean", example: true },
          tree: { $ref: "#/components/schemas/Tree" },
        },
      },
      Tree: {
        type: "object",
        required: ["kind", "parts"],
        properties: {
          kind: { enum: ["leaf", "node"] },
          parts: { type: "array", items: { $ref: "#/components/schemas/Word" } },
        },
      },
      Word: { anyOf: [{ type: "number" }, { type: "string" }] },
    },
  },
};

const endpoint = (method: string, path: string) =>
  endpointsOf(document).find((one) => one.method === method && one.path === path)!;

Deno.test("curlExample: a body of what is required or has an example, quoted for the shell", () => {
  assertEquals(
    curlExample(endpoint("post", "/v1/say"), document, ORIGIN),
    `curl ${ORIGIN}/v1/say \\
  --header "content-type: application/json" \\
  --data '{
  "text": "it'\\''s",
  "loud": true,
  "tree": {
    "kind": "leaf",
    "parts": [
      0
    ]
  }
}'`,
  );
});

Deno.test("curlExample: paths, methods, keys", () => {
  const secured = { ...document, security: [{ bearer: [] }] };
  const of = (method: string, path: string) => curlExample(endpoint(method, path), secured, ORIGIN);
  const key = '--header "authorization: Bearer $AHA_API_KEY"';
  assertEquals(of("get", "/v1/words/{word}"), `curl ${ORIGIN}/v1/words/a%2Fb \\\n  ${key}`);
  const forget = `curl '${ORIGIN}/v1/words/{word}' \\\n  --request DELETE \\\n  ${key}`;
  assertEquals(of("delete", "/v1/words/{word}"), forget);
  assertEquals(of("get", "/health"), `curl ${ORIGIN}/health`);
});

Deno.test("docsPage: every endpoint in its group, texts escaped, nothing from elsewhere", async () => {
  const page = (await docsPage(document, ORIGIN)).replaceAll(/>\s+</g, "><");
  for (const { method, path } of endpointsOf(document)) {
    assertStringIncludes(page, `${method.toUpperCase()}</span><code>${path}</code>`);
  }
  assertStringIncludes(page, "<title>Aha &lt;&amp;&gt;</title>");
  assertStringIncludes(page, "Says &quot;it&#39;s&quot; &lt;b&gt;so&lt;/b&gt;");
  assertStringIncludes(page, `<pre tabindex="0"><code>curl ${ORIGIN}/v1/say \\\n  --header`);
  assertStringIncludes(page, "Forgets it (deprecated)");
  assertStringIncludes(page, "<td>integer | null</td><td>How often</td>");
  assertStringIncludes(page, "<td><code>501</code></td><td>Not built</td>");
  assertEquals(page.match(/<h2>(Words|Other)<\/h2>/g)?.length, 4);
  assert(!/<script|<link|<img|@import|url\(|style="|src=/.test(page), "it loads or runs something");
  const ids = [...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
  assertEquals(new Set(ids).size, endpointsOf(document).length);
  for (const id of ids) assertStringIncludes(page, `href="#${id}"`);
});

Deno.test("docsRoutes: the style is what the policy allows, and no more", async () => {
  const response = await docsRoutes(() => document).request("/docs");
  const policy = response.headers.get("content-security-policy") ?? "";
  assertEquals(response.headers.get("content-type"), "text/html; charset=UTF-8");
  const [, style] = /<style>([^]*?)<\/style>/.exec(await response.text())!;
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(style));
  assertStringIncludes(policy, `'sha256-${btoa(String.fromCharCode(...new Uint8Array(hash)))}'`);
  assertStringIncludes(policy, "default-src 'none'");
});

Deno.test("docs: every route of Ollama's and llama-server's that is built is described", async () => {
  const app = scriptedApp({ content: [] });
  const described: OpenApiDocument = await (await app.request("/openapi.json")).json();
  const known = new Set(endpointsOf(described).map(({ method, path }) => `${method} ${path}`));
  const context = { engine: app.engine, options: {}, metrics: new Metrics() };
  for (const { routes } of [ollamaRoutes(context), llamaServerRoutes(context)]) {
    for (const { method, path } of routes) {
      const name = `${method.toLowerCase()} ${path}`;
      const { status } = await app.request(path, { method });
      assertEquals(known.has(name), status !== 501, name);
    }
  }
  const page = await (await app.request("/docs")).text();
  assertStringIncludes(page, "<h2>Ollama</h2>");
  assertStringIncludes(page, "curl http://localhost/api/chat");
});

Deno.test("docs: every example is a request that is taken", async () => {
  const engine = scriptedEngine({ content: ["a"] }, "smollm2-135m");
  const app = createApp(engine);
  const described: OpenApiDocument = await (await app.request("/openapi.json")).json();
  const asked = endpointsOf(described);
  for (const endpoint of asked) {
    const example = bodyExample(endpoint, described);
    const response = await app.request(examplePath(endpoint), {
      method: endpoint.method.toUpperCase(),
      headers: { "content-type": "application/json" },
      ...(example === undefined ? {} : { body: JSON.stringify(example) }),
    });
    const text = await response.text();
    assertEquals(response.status, 200, `${endpoint.method} ${endpoint.path}: ${text}`);
  }
  assert(asked.length > 25, `${asked.length} endpoints`);
});
