/** Tests of host_names.ts through an app. */
import { assertEquals } from "@std/assert";
import type { ApiKey } from "../app_options.ts";
import { scriptedApp } from "../../../../tests/support/scripted_app.ts";

const ASKED = { messages: [{ role: "user", content: "hi" }] };

/** Status of a chat at a server that is called so, and how often the model was asked. */
async function asked(
  host: string,
  hostNames?: readonly string[],
  path = "/v1/chat/completions",
  apiKeys: readonly ApiKey[] = [],
) {
  const { engine, request, post } = scriptedApp({ content: ["a"] }, { hostNames, apiKeys });
  const headers = { authorization: "Bearer k" };
  const url = `http://${host}:8787${path}`;
  const { status } = await (path === "/health" ? request(url) : post(url, ASKED, { headers }));
  return [status, engine.requests.length];
}

Deno.test("hostNames: a page whose name leads here is refused before anything runs", async () => {
  for (
    const host of ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "pi.local"]
  ) {
    assertEquals(await asked(host, []), [403, 0], host);
  }
  assertEquals(await asked("evil.example", [], "/health"), [200, 0]);
});

Deno.test("hostNames: addresses, localhost and names that are allowed", async () => {
  for (
    const host of ["127.0.0.1", "192.168.1.7", "[::1]", "localhost", "LOCALHOST", "a.localhost"]
  ) {
    assertEquals(await asked(host, []), [200, 1], host);
  }
  assertEquals(await asked("pi.local", ["Pi.local"]), [200, 1]);
  assertEquals(await asked("evil.example", ["*"]), [200, 1]);
});

Deno.test("hostNames: without keys no other name will do, with keys any", async () => {
  assertEquals(await asked("evil.example"), [403, 0]);
  assertEquals(await asked("localhost"), [200, 1]);
  const keys = [{ name: "me", key: "k" }];
  assertEquals(await asked("evil.example", undefined, undefined, keys), [200, 1]);
  assertEquals(await asked("evil.example", [], undefined, keys), [403, 0]);
});
