/** Tests of api_keys.ts. */
import { assertEquals, assertThrows } from "@std/assert";
import { OpenAPIHono } from "@hono/zod-openapi";
import { scriptedEngine } from "../../../../tests/support/scripted_engine.ts";
import type { ApiKey } from "../app_options.ts";
import { errorResponse } from "../error_response.ts";
import { Metrics } from "../metrics/metrics.ts";
import type { ApiEnv } from "../request_record.ts";
import { apiKeys } from "./api_keys.ts";
import { requestScope } from "./request_scope.ts";

/** An app whose requests come to so many tokens. */
function keyed(keys: readonly ApiKey[], tokens = 0) {
  const clock = { nowMs: 0 };
  const app = new OpenAPIHono<ApiEnv>();
  const engine = scriptedEngine({ content: [] });
  app.use(requestScope({ engine, options: {}, metrics: new Metrics() }));
  app.use(apiKeys(keys, () => clock.nowMs));
  app.get("*", (c) => {
    const record = c.get("record");
    record.completionTokens = tokens;
    return c.text(record.client ?? "nobody");
  });
  app.onError((error, c) => errorResponse(c, c.get("record").failure(error)));
  const ask = (headers: Record<string, string> = {}, path = "/v1/models") =>
    Promise.resolve(app.request(path, { headers }));
  return { clock, ask };
}

const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

Deno.test("apiKeys: each of several keys, in either header", async () => {
  const { ask } = keyed([{ name: "one", key: "sk-1" }, { name: "two", key: "sk-2-longer" }]);
  assertEquals(await (await ask(bearer("sk-1"))).text(), "one");
  assertEquals(await (await ask(bearer("sk-2-longer"))).text(), "two");
  assertEquals(await (await ask({ authorization: "bearer   sk-1 " })).text(), "one");
  assertEquals(await (await ask({ "x-api-key": "sk-1" })).text(), "one");
});

Deno.test("apiKeys: 401 in OpenAI's form without a key or with another", async () => {
  const { ask } = keyed([{ name: "one", key: "sk-1" }]);
  const without = await ask();
  assertEquals([without.status, without.headers.get("www-authenticate")], [401, "Bearer"]);
  assertEquals((await without.json()).error.code, null);
  for (const headers of [bearer("sk-"), bearer("sk-11"), bearer("sk-2"), { "x-api-key": "" }]) {
    const response = await ask(headers as Record<string, string>);
    const { error } = await response.json();
    assertEquals([response.status, error.type], [401, "invalid_request_error"]);
    assertEquals(error.code, "invalid_api_key");
  }
  assertEquals((await ask({ authorization: "Basic c2stMTo=" })).status, 401);
  assertEquals(await (await ask({}, "/api/tags")).json(), {
    error: "The request has no API key: send Authorization: Bearer KEY",
  });
});

Deno.test("apiKeys: an empty key opens nothing, health is open, no keys let everybody in", async () => {
  const { ask } = keyed([{ name: "one", key: "sk-1" }]);
  assertEquals((await ask({}, "/health")).status, 200);
  assertEquals((await ask({}, "/v1/health")).status, 200);
  assertEquals((await ask({}, "/health/x")).status, 401);
  assertEquals(await (await keyed([]).ask()).text(), "nobody");
  assertThrows(() => apiKeys([{ name: "one", key: "" }]), RangeError, '"one" is empty');
});

Deno.test("apiKeys: limits under which nothing could ever be asked are refused at once", () => {
  for (const limit of [0, -1, NaN, Infinity]) {
    for (const what of ["requestsPerMinute", "tokensPerMinute"]) {
      const make = () => apiKeys([{ name: "one", key: "a", [what]: limit }]);
      assertThrows(make, RangeError, `${what} of the API key "one" is ${limit}`);
    }
  }
});

Deno.test("apiKeys: requests a minute, each key by itself", async () => {
  const keys = [{ name: "one", key: "a", requestsPerMinute: 2 }, { name: "two", key: "b" }];
  const { ask, clock } = keyed(keys);
  const first = await ask(bearer("a"));
  assertEquals(first.headers.get("x-ratelimit-limit-requests"), "2");
  assertEquals(first.headers.get("x-ratelimit-remaining-requests"), "1");
  assertEquals(first.headers.get("x-ratelimit-reset-requests"), "30.000s");
  assertEquals(first.headers.get("x-ratelimit-limit-tokens"), null);
  assertEquals((await ask(bearer("a"))).status, 200);
  const refused = await ask(bearer("a"));
  assertEquals([refused.status, refused.headers.get("retry-after")], [429, "30"]);
  assertEquals(refused.headers.get("x-ratelimit-remaining-requests"), "0");
  const { error } = await refused.json();
  assertEquals([error.type, error.code], ["rate_limit_error", "rate_limit_exceeded"]);
  assertEquals((await ask(bearer("b"))).status, 200);
  clock.nowMs = 29_000;
  assertEquals((await ask(bearer("a"))).headers.get("retry-after"), "1");
  clock.nowMs = 30_000;
  assertEquals((await ask(bearer("a"))).status, 200);
});

Deno.test("apiKeys: tokens a minute are known afterwards and paid back", async () => {
  const { ask, clock } = keyed([{ name: "one", key: "a", tokensPerMinute: 60 }], 100);
  assertEquals((await ask(bearer("a"))).status, 200);
  const refused = await ask(bearer("a"));
  assertEquals([refused.status, refused.headers.get("retry-after")], [429, "41"]);
  assertEquals(refused.headers.get("x-ratelimit-remaining-tokens"), "0");
  assertEquals(
    (await refused.json()).error.message,
    'The key "one" has used its 60 tokens a minute, ask again in 41 seconds',
  );
  clock.nowMs = 41_000;
  assertEquals((await ask(bearer("a"))).status, 200);
});
