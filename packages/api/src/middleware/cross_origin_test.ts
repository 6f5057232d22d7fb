/** Tests of cross_origin.ts. */
import { assertEquals } from "@std/assert";
import { scriptedApp } from "../../../../tests/support/scripted_app.ts";

const PAGE = "https://page.example";
const chat = { messages: [{ role: "user", content: "hi" }] };

function asked(corsOrigins: readonly string[], origin?: string, method = "POST") {
  const app = scriptedApp({ content: ["a"] }, { corsOrigins, apiKeys: [{ name: "me", key: "k" }] });
  const headers = { authorization: "Bearer k", ...(origin === undefined ? {} : { origin }) };
  const response = method === "POST"
    ? app.post("/v1/chat/completions", chat, { headers })
    : app.request("/v1/chat/completions", {
      method,
      headers: { ...headers, "access-control-request-headers": "authorization,content-type" },
    });
  return { app, response };
}

Deno.test("crossOrigin: pages of other origins are refused before anything runs", async () => {
  for (const origin of [PAGE, "null", "nonsense"]) {
    const { app, response } = asked([], origin);
    assertEquals((await response).status, 403, origin);
    assertEquals((await response).headers.get("access-control-allow-origin"), null);
    assertEquals(app.engine.requests.length, 0);
  }
  assertEquals((await asked(["https://other.example"], PAGE).response).status, 403);
});

Deno.test("crossOrigin: programs and the server's own pages ask without more", async () => {
  assertEquals((await asked([]).response).status, 200);
  assertEquals((await asked([], "http://localhost").response).status, 200);
});

Deno.test("crossOrigin: configured origins, also of errors, with the headers that clients read", async () => {
  const response = await asked([PAGE], PAGE).response;
  assertEquals(response.status, 200);
  assertEquals(response.headers.get("access-control-allow-origin"), PAGE);
  assertEquals(response.headers.get("vary"), "Origin");
  const exposed = response.headers.get("access-control-expose-headers") ?? "";
  assertEquals(exposed.split(",").includes("x-request-id"), true);
  const app = scriptedApp({ content: [] }, { corsOrigins: [PAGE] });
  const error = await app.post("/v1/chat/completions", 5, { headers: { origin: PAGE } });
  assertEquals(error.status, 400);
  assertEquals(error.headers.get("access-control-allow-origin"), PAGE);
  assertEquals((await asked(["*"], PAGE).response).headers.get("access-control-allow-origin"), "*");
});

Deno.test("crossOrigin: a preflight needs no key", async () => {
  const app = scriptedApp({ content: [] }, {
    ...{ corsOrigins: [PAGE], apiKeys: [{ name: "me", key: "k" }] },
  });
  const response = await app.request("/v1/chat/completions", {
    method: "OPTIONS",
    headers: { origin: PAGE, "access-control-request-headers": "authorization" },
  });
  assertEquals(response.status, 204);
  assertEquals(response.headers.get("access-control-allow-headers"), "authorization");
});
