/** Tests of app.ts: what all routes share, from the first byte of a request to its log line. */
import { assert, assertEquals } from "@std/assert";
import { MemoryError } from "@aha/runtime";
import { scriptedApp } from "../../../tests/support/scripted_app.ts";

const chat = { messages: [{ role: "user", content: "hi" }] };
const PATH = "/v1/chat/completions";

Deno.test("createApp: unknown paths and methods, in the form of the surface", async () => {
  const { request } = scriptedApp({ content: [] });
  const nowhere = await request("/v1/nowhere");
  assertEquals([nowhere.status, (await nowhere.json()).error.message], [
    ...[404, "There is no /v1/nowhere here"],
  ]);
  assertEquals(await (await request("/api/nowhere")).json(), {
    error: "There is no /api/nowhere here",
  });
  for (const method of ["GET", "PUT", "DELETE", "PATCH"]) {
    const response = await request(PATH, { method });
    assertEquals([response.status, response.headers.get("allow")], [405, "POST"], method);
    assertEquals((await response.json()).error.type, "invalid_request_error");
    assert(response.headers.get("x-request-id"));
  }
  assertEquals((await request("/v1/models", { method: "POST" })).status, 405);
  assertEquals((await request("/v1/models", { method: "HEAD" })).status, 200);
});

Deno.test("createApp: bodies of bad will get 4xx, and the next request its answer", async () => {
  const app = scriptedApp({ content: ["a"] });
  const send = async (body: BodyInit, type = "application/json") => {
    const headers = { "content-type": type };
    const response = await app.request(PATH, { method: "POST", headers, body });
    const { error } = await response.json();
    assert(typeof error.message === "string" && !/\bat .*:\d+:\d+/.test(error.message));
    return response.status;
  };
  const nested = '{"messages":' + "[".repeat(100_000) + "]".repeat(100_000) + "}";
  const large = JSON.stringify({ messages: [{ role: "user", content: "a".repeat(10_000_000) }] });
  assertEquals(await send(large), 413);
  assertEquals(await send(new Uint8Array(10_000_000)), 413);
  assertEquals(await send(nested), 400);
  assertEquals(await send(new Uint8Array([0x7b, 0xff, 0x7d])), 400);
  assertEquals(await send('{"messages":'), 400);
  assertEquals(await send(""), 400);
  assertEquals(await send(JSON.stringify(chat), "text/plain"), 415);
  assertEquals(await send("a=b", "application/x-www-form-urlencoded"), 415);
  assertEquals((await app.post(PATH, chat)).status, 200);
  assertEquals([app.engine.requests.length, app.engine.open], [1, 0]);
});

Deno.test("createApp: a body may be as large as the server says", async () => {
  const app = scriptedApp({ content: [] }, { maxBodyBytes: 100 });
  assertEquals((await app.post(PATH, chat)).status, 200);
  assertEquals((await app.post(PATH, { ...chat, user: "x".repeat(100) })).status, 413);
});

Deno.test("createApp: a model that has no room says how much it needs", async () => {
  const error = new MemoryError("The model needs 300 MiB, 200 MiB are allowed", 300, 200);
  const app = scriptedApp({ content: [] }, {}, () => ({ acquire: () => Promise.reject(error) }));
  const response = await app.post(PATH, chat);
  const { message, code } = (await response.json()).error;
  assertEquals([response.status, message, code], [503, error.message, "out_of_memory"]);
});

Deno.test("createApp: a model that cannot be loaded is 503 and its reason the owner's", async () => {
  const told: unknown[] = [];
  const error = new Error("Cannot read /home/me/model.gguf");
  const app = scriptedApp({ content: [] }, { onError: (reason) => told.push(reason) }, () => ({
    acquire: () => Promise.reject(error),
  }));
  const response = await app.post(PATH, chat);
  const text = await response.text();
  assertEquals([response.status, text.includes("/home")], [503, false]);
  assert(text.includes("The model could not be loaded"));
  assertEquals(told, [error]);
});
