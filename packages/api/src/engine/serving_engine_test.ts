/** Tests of the engine over fake models and a fake clock: places, loading, memory, idle time, the end. */
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ThreadError } from "@aha/runtime";
import { fakeClock, settle } from "../../../../tests/support/fake_clock.ts";
import { fakeModels } from "../../../../tests/support/fake_models.ts";
import { assembleEngine } from "./create_engine.ts";
import type { Engine, Lease } from "./engine.ts";
import type { EngineConfig, ModelSpec } from "./engine_config.ts";
import type { ModelFacts } from "./served_model.ts";
import {
  EngineClosingError,
  EngineMemoryError,
  QueueFullError,
  QueueTimeoutError,
  UnknownModelError,
} from "./engine_errors.ts";

const spec = (name: string, more: Partial<ModelSpec> = {}): ModelSpec => ({
  ...{ name, source: `${name}.gguf`, ...more },
});

function setUp(
  config: Partial<EngineConfig> = {},
  options: Parameters<typeof fakeModels>[0] = {},
) {
  const clock = fakeClock();
  const fakes = fakeModels(options);
  const models = config.models ?? [spec("a"), spec("b"), spec("c")];
  const engine = assembleEngine({ ...config, models }, fakes.load, clock);
  return { engine, clock, fakes };
}

const states = (engine: Engine) => engine.models().map(({ state }) => state);

/** What a promise has come to: a value's or an error's name, or that it waits. */
async function outcome(promise: Promise<Lease>): Promise<string> {
  const told = promise.then((lease) => lease.model.name, (error) => error.name);
  return await Promise.race([told, settle().then(() => "waits")]);
}

Deno.test("engine: a lease has its model, told by name, by alias or as the first", async () => {
  const models = [spec("a", { aliases: ["deepseek-chat", "gpt-*"] }), spec("b")];
  const { engine } = setUp({ models });
  for (const [name, found] of [[undefined, "a"], ["b", "b"], ["gpt-4o", "a"]] as const) {
    using lease = await engine.acquire(name);
    assertEquals([lease.model.name, lease.entry.name, lease.entry.state], [found, found, "ready"]);
  }
  const found = ["b", "gpt-4o", "deepseek-chat", "x"].map((name) => engine.find(name)?.name);
  assertEquals(found, ["b", "a", "a", undefined]);
  using lease = await engine.acquire("deepseek-chat");
  assertEquals(lease.model.name, "a");
  const error = await assertRejects(() => engine.acquire("deepseek"), UnknownModelError);
  assertEquals((error as UnknownModelError).known, ["a", "b"]);
});

Deno.test("engine: a configuration that makes no sense is refused", () => {
  const refused: [Partial<EngineConfig>, string][] = [
    [{ models: [] }, "at least one model"],
    [{ models: [spec("a"), spec("a")] }, 'name "a" is given twice'],
    [{ models: [spec("a"), spec("b", { aliases: ["a"] })] }, 'name "a" is given twice'],
    [{ slots: 0 }, "slots is 0, it must be a whole number of at least 1"],
    [{ maxQueued: -1 }, "maxQueued is -1"],
  ];
  for (const [config, message] of refused) assertThrows(() => setUp(config), RangeError, message);
  assertThrows(() => setUp({ preload: ["x"] }), UnknownModelError);
});

Deno.test("engine: loads once for all who wait, and tells how long", async () => {
  const { engine, clock, fakes } = setUp({ slots: 4 }, { isManual: true });
  const leases = [1, 2, 3].map(() => engine.acquire("a"));
  await clock.turn(500);
  assertEquals([fakes.loads.length, ...states(engine)], [1, "loading", "cold", "cold"]);
  assertEquals(fakes.loads[0].model.options, { sequences: 4, memoryBytes: undefined });
  fakes.loads[0].finish();
  for (const lease of await Promise.all(leases)) {
    assertEquals([lease.queuedMs, lease.loadMs], [500, 500]);
  }
  assertEquals(states(engine), ["ready", "cold", "cold"]);
});

Deno.test("engine: a failed load is told to all who wait, gives their places back, and the next request tries again", async () => {
  const { engine, fakes } = setUp({ slots: 2 }, { isManual: true });
  const leases = [engine.acquire("a"), engine.acquire("a")];
  await settle();
  fakes.loads[0].finish(new RangeError("too large"));
  for (const lease of leases) await assertRejects(() => lease, RangeError, "too large");
  assertEquals(states(engine)[0], "failed");
  const again = [engine.acquire("a"), engine.acquire("a")];
  await settle();
  assertEquals(fakes.loads.length, 2);
  fakes.loads[1].finish();
  assertEquals((await Promise.all(again)).length, 2);
});

Deno.test("engine: who leaves while the model loads leaves at once, and the load goes on", async () => {
  const { engine, fakes } = setUp({ slots: 1 }, { isManual: true });
  const leaving = new AbortController();
  const lease = engine.acquire("a", { signal: leaving.signal });
  await settle();
  leaving.abort(new Error("gone"));
  await assertRejects(() => lease, Error, "gone");
  fakes.loads[0].finish();
  await settle();
  assertEquals([fakes.open, fakes.loads.length], [["a"], 1]);
  using _ = await engine.acquire("a");
  assertEquals(fakes.loads.length, 1);
});

Deno.test("engine: places are given in turn, aborted waiters leave at once, late ones in time", async () => {
  const { engine, clock } = setUp({ slots: 1, maxQueued: 3, queueTimeoutMs: 1000 });
  const first = await engine.acquire("a", { client: "x" });
  const aborted = new AbortController();
  const one = engine.acquire("a", { client: "x" });
  const two = engine.acquire("a", { client: "x", signal: aborted.signal });
  const other = engine.acquire("a", { client: "y" });
  await assertRejects(() => engine.acquire("a", { client: "x" }), QueueFullError);
  assertEquals((await engine.status()).queued, 3);
  aborted.abort(new Error("gone"));
  await assertRejects(() => two, Error, "gone");
  assertEquals((await engine.status()).queued, 2);
  await clock.turn(900);
  first[Symbol.dispose]();
  first[Symbol.dispose](); // twice does nothing
  const lease = await one;
  assertEquals(lease.queuedMs, 900);
  assertEquals(await outcome(other), "waits");
  await clock.turn(100);
  const error = await assertRejects(() => other, QueueTimeoutError) as QueueTimeoutError;
  assertEquals([error.waitedMs, error.retryAfterSeconds], [1000, 1]);
  assertEquals((await engine.status()).queued, 0);
});

Deno.test("engine: a request of several places takes them at once; more than there are count as all", async () => {
  const { engine } = setUp({ slots: 3 });
  const one = await engine.acquire("a");
  const all = engine.acquire("a", { places: 9 });
  const late = engine.acquire("b");
  assertEquals([await outcome(all), await outcome(late)], ["waits", "waits"]);
  one[Symbol.dispose]();
  assertEquals([await outcome(all), await outcome(late)], ["a", "waits"]);
  const { slots } = await engine.status();
  assertEquals(slots.map(({ model }) => model), ["a", "a", "a"]);
  (await all)[Symbol.dispose]();
  (await late)[Symbol.dispose]();
  assertEquals((await engine.status()).slots, [{ id: 0 }, { id: 1 }, { id: 2 }]);
});

Deno.test("engine: a request of no place waits for its model only, which stays meanwhile", async () => {
  const { engine, clock, fakes } = setUp({ slots: 1, maxQueued: 0, keepAliveMs: 50 });
  const first = await engine.acquire("a");
  const second = await engine.acquire("a", { places: 0 });
  assertEquals((await engine.status()).slots, [{ id: 0, model: "a", sinceMs: clock.now() }]);
  first[Symbol.dispose]();
  await clock.turn(100);
  assertEquals([(await engine.status()).slots, fakes.open], [[{ id: 0 }], ["a"]]);
  second[Symbol.dispose]();
  await clock.turn(50);
  assertEquals(fakes.open, []);
});

Deno.test("engine: idle models make way, the least recently used first, those in use stay", async () => {
  const bytes = { a: 100, b: 100, c: 150, d: 400 };
  const models = ["a", "b", "c", "d"].map((name) => spec(name));
  const { engine, clock, fakes } = setUp({ models, memoryBytes: 300 }, { bytes });
  (await engine.acquire("a"))[Symbol.dispose]();
  await clock.turn(10);
  (await engine.acquire("b"))[Symbol.dispose]();
  await clock.turn(10);
  (await engine.acquire("a"))[Symbol.dispose]();
  const lease = await engine.acquire("c");
  assertEquals(fakes.open, ["a", "c"]);
  using _ = await engine.acquire("a");
  const b = engine.acquire("b");
  assertEquals(await outcome(b), "waits");
  assertEquals(states(engine), ["ready", "loading", "ready", "cold"]);
  const error = await assertRejects(() => engine.acquire("d"), EngineMemoryError);
  const { neededBytes, allowedBytes } = error as EngineMemoryError;
  assertEquals([neededBytes, allowedBytes], [400, 300]);
  assertEquals(fakes.open, ["a", "c"]); // nobody left for one that does not fit anyway
  assertEquals(states(engine)[3], "failed");
  lease[Symbol.dispose]();
  assertEquals([(await b).model.name, fakes.open], ["b", ["a", "b"]]);
});

Deno.test("engine: who waits for a model in use to make way comes before later requests for that model", async () => {
  const { engine, clock, fakes } = setUp({ slots: 2, memoryBytes: 100, queueTimeoutMs: 1000 });
  const first = await engine.acquire("a");
  const other = engine.acquire("b");
  await settle();
  const late = engine.acquire("a");
  await clock.turn(900);
  assertEquals([await outcome(other), await outcome(late)], ["waits", "waits"]);
  first[Symbol.dispose]();
  assertEquals([await outcome(other), await outcome(late)], ["b", "waits"]);
  assertEquals(fakes.open, ["b"]);
  (await other)[Symbol.dispose]();
  assertEquals([await outcome(late), fakes.open, clock.timers], ["a", ["a"], 0]);
});

Deno.test("engine: a model in use that does not make way in time is said with when to ask again, and nothing has failed", async () => {
  const { engine, clock } = setUp({ memoryBytes: 100, queueTimeoutMs: 5000 });
  using _ = await engine.acquire("a");
  const waiting = engine.acquire("b");
  await settle();
  const error = assertRejects(() => waiting, QueueTimeoutError);
  await clock.turn(5000);
  const { waitedMs, retryAfterSeconds } = await error as QueueTimeoutError;
  assertEquals([waitedMs, retryAfterSeconds], [5000, 5]);
  assertEquals([states(engine), clock.timers], [["ready", "cold", "cold"], 0]);
  const leaving = engine.acquire("b");
  await settle();
  const closing = assertRejects(() => leaving, EngineClosingError);
  const closed = engine.close({ graceMs: 0 });
  await clock.turn(10_000);
  await Promise.all([closing, closed]);
  assertEquals(clock.timers, 0);
});

Deno.test("engine: an idle model leaves after its time: the request's, the model's or the engine's", async () => {
  const models = [spec("a"), spec("b", { keepAliveMs: 50 })];
  const { engine, clock, fakes } = setUp({ models, keepAliveMs: 200 });
  const start = clock.now();
  (await engine.acquire("a"))[Symbol.dispose]();
  const lease = await engine.acquire("b");
  assertEquals(engine.models().map(({ expiresAt }) => expiresAt! - start), [200, 50]);
  await clock.turn(199);
  lease[Symbol.dispose]();
  assertEquals(fakes.open, ["a", "b"]);
  await clock.turn(1);
  assertEquals(fakes.open, ["b"]);
  await clock.turn(49);
  assertEquals(fakes.open, []);
  (await engine.acquire("a", { keepAliveMs: 0 }))[Symbol.dispose]();
  await settle();
  assertEquals(fakes.open, []);
  (await engine.acquire("a", { keepAliveMs: Infinity }))[Symbol.dispose]();
  assertEquals([engine.models()[0].expiresAt, clock.timers], [undefined, 0]);
  await clock.turn(1e9);
  assertEquals([fakes.open, states(engine)], [["a"], ["ready", "cold"]]);
});

Deno.test("engine: a request in time keeps its model", async () => {
  const { engine, clock, fakes } = setUp({ keepAliveMs: 100 });
  for (let i = 0; i < 5; i++) {
    (await engine.acquire("a"))[Symbol.dispose]();
    await clock.turn(90);
  }
  assertEquals([fakes.open, fakes.loads.length], [["a"], 1]);
});

Deno.test("engine: unload waits for those who use the model, and ends a load that nobody waits for", async () => {
  const { engine, fakes } = setUp({ preload: ["b"] }, { isManual: true });
  await engine.unload("c");
  const unloaded = engine.unload("b");
  await unloaded;
  assertEquals([states(engine)[1], fakes.loads[0].hooks.signal.aborted], ["cold", true]);
  const pending = engine.acquire("a");
  await settle();
  fakes.loads[1].finish();
  const lease = await pending;
  let isUnloaded = false;
  const gone = engine.unload("a").then(() => isUnloaded = true);
  await settle();
  assertEquals([isUnloaded, fakes.open], [false, ["a"]]);
  lease[Symbol.dispose]();
  await gone;
  assertEquals([fakes.open, states(engine)[0]], [[], "cold"]);
});

Deno.test("engine: a request after the unloading of a load that nobody waits for begins another", async () => {
  const { engine, fakes } = setUp({}, { isManual: true });
  const leaving = new AbortController();
  const left = engine.acquire("a", { signal: leaving.signal });
  await settle();
  leaving.abort(new Error("gone"));
  await assertRejects(() => left, Error, "gone");
  const unloaded = engine.unload("a");
  assertEquals(states(engine)[0], "cold");
  const next = engine.acquire("a");
  await unloaded;
  await settle();
  assertEquals([states(engine)[0], fakes.loads.length], ["loading", 2]);
  fakes.loads[1].finish();
  assertEquals([(await next).model.name, fakes.open], ["a", ["a"]]);
});

Deno.test("engine: a lost model fails, is closed, and the next request loads it again", async () => {
  const { engine, fakes } = setUp();
  const lease = await engine.acquire("a");
  fakes.loads[0].hooks.onLost(new ThreadError("died"));
  assertEquals(states(engine)[0], "failed");
  await settle();
  assertEquals(fakes.open, []);
  using again = await engine.acquire("a");
  lease[Symbol.dispose]();
  assertEquals([fakes.open, fakes.loads.length], [["a"], 2]);
  // An answer that ends by a thread's death says the same.
  const answer = again.model.generate({ prompt: { kind: "text", text: "" }, options: {} });
  const reading = Array.fromAsync(answer);
  await settle();
  fakes.answers[0].reject(new ThreadError("a helper died"));
  await assertRejects(() => reading, ThreadError, "a helper died");
  assertEquals(states(engine)[0], "failed");
});

Deno.test("engine: preloading loads one after the other and says so; what fails does not stop it", async () => {
  const failures: string[] = [];
  const onFailure = (model: string, error: Error) => failures.push(`${model}: ${error.message}`);
  const ready: [string, number][] = [];
  const onReady = (model: string, { layers }: ModelFacts) => ready.push([model, layers]);
  const { engine, fakes } = setUp({ preload: true, onFailure, onReady }, { isManual: true });
  assertEquals((await engine.status()).state, "loading");
  fakes.loads[0].finish(new Error("no file"));
  await settle();
  fakes.loads[1].finish();
  await settle();
  assertEquals([states(engine), (await engine.status()).state], [
    ["failed", "ready", "loading"],
    "loading",
  ]);
  fakes.loads[2].finish();
  await settle();
  assertEquals(failures, ["a: no file"]);
  const [, b, c] = engine.models();
  assertEquals(ready, [["b", b.facts!.layers], ["c", c.facts!.layers]]);
  assertEquals((await engine.status()).state, "ready");
});

Deno.test("engine: status tells places, and the last load of a model that does not answer in time", async () => {
  const { engine, clock, fakes } = setUp({ slots: 2 });
  using _ = await engine.acquire("a");
  const { slots, models, maxQueued } = await engine.status();
  assertEquals(slots, [{ id: 0, model: "a", sinceMs: clock.now() }, { id: 1 }]);
  const load = { running: 0, usedPages: 0, keptPages: 1, maxPages: 9 };
  assertEquals([models[0].load, models[1].load, maxQueued], [load, undefined, 64]);
  fakes.isBusy = true;
  using _b = await engine.acquire("b");
  const late = engine.status();
  await clock.turn(49);
  assertEquals(await Promise.race([late, "waits"]), "waits");
  await clock.turn(1);
  assertEquals((await late).models.map((model) => model.load), [load, undefined, undefined]);
});

Deno.test("engine: closing sends those away who wait, lets those that run end in time, then ends them", async () => {
  const { engine, clock, fakes } = setUp({ slots: 2 });
  const request = { prompt: { kind: "text", text: "" }, options: {} } as const;
  const [quick, slow] = [await engine.acquire("a"), await engine.acquire("b")];
  const readings = [quick, slow].map((lease) =>
    Array.fromAsync(lease.model.generate(request)).finally(() => lease[Symbol.dispose]())
  );
  const waiting = engine.acquire("a");
  const closed = engine.close({ graceMs: 1000 });
  await assertRejects(() => waiting, EngineClosingError);
  await assertRejects(() => engine.acquire("a"), EngineClosingError);
  assertEquals((await engine.status()).state, "closing");
  fakes.answers[0].resolve();
  assertEquals((await readings[0]).length, 1);
  const slowEnd = assertRejects(() => readings[1], EngineClosingError);
  await clock.turn(999);
  assertEquals(fakes.open, ["a", "b"]);
  await clock.turn(1);
  await Promise.all([slowEnd, closed, engine.close()]);
  assertEquals([fakes.open, clock.timers], [[], 0]);
});

Deno.test("engine: closing does not wait for leases that are never given back, nor for loads", async () => {
  const { engine, clock, fakes } = setUp({ preload: ["b"] }, { isManual: true });
  const pending = engine.acquire("a");
  await settle();
  fakes.loads[1].finish();
  await pending;
  const closed = engine.close({ graceMs: 10 });
  await clock.turn(10_000);
  await closed;
  assertEquals([fakes.open, clock.timers, states(engine)], [[], 0, ["cold", "cold", "cold"]]);
});

Deno.test("engine: an answer ends with its lease", async () => {
  const { engine } = setUp();
  const lease = await engine.acquire("a");
  const reading = Array.fromAsync(
    lease.model.generate({ prompt: { kind: "text", text: "" }, options: {} }),
  );
  await settle();
  lease[Symbol.dispose]();
  await assertRejects(() => reading, DOMException);
});
