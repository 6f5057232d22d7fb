/** Tests of interleave.ts: order, room, leaving, failing. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { interleave } from "./interleave.ts";

const turn = () => new Promise<void>((resolve) => setTimeout(resolve));

Deno.test("interleave: events come as they are made, each source in its order", async () => {
  const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  async function* slow() {
    yield "a1";
    await gates[0].promise;
    yield "a2";
  }
  async function* fast() {
    yield "b1";
    gates[0].resolve();
    await gates[1].promise;
    yield "b2";
  }
  const told: string[] = [];
  for await (const event of interleave([slow(), fast()], () => {})) {
    told.push(event);
    if (event === "a2") gates[1].resolve();
  }
  assertEquals(told, ["a1", "b1", "a2", "b2"]);
});

Deno.test("interleave: no source runs far ahead of the reader", async () => {
  let made = 0;
  async function* endless() {
    for (;;) yield made++;
  }
  const events = interleave([endless(), endless()], () => {});
  await events.next();
  for (let i = 0; i < 20; i++) await turn();
  assert(made <= 12, `${made} events were made for one that was read`);
  for (let i = 0; i < 100; i++) await events.next();
  for (let i = 0; i < 20; i++) await turn();
  assert(made > 100 && made <= 112, `${made} events were made for 101 that were read`);
  await events.return(undefined);
});

/** A source that waits for good, but for the signal; tells when it is closed. */
async function* waiting(signal: AbortSignal, closed: string[], name: string) {
  try {
    yield name;
    await new Promise((_, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason));
    });
  } finally {
    closed.push(name);
  }
}

Deno.test("interleave: leaving the loop stops and closes every source", async () => {
  const controller = new AbortController();
  const closed: string[] = [];
  const sources = ["a", "b", "c"].map((name) => waiting(controller.signal, closed, name));
  for await (const event of interleave(sources, () => controller.abort())) {
    if (event === "b") break;
  }
  assertEquals(closed.toSorted(), ["a", "b", "c"]);
});

Deno.test("interleave: the failure of one ends all, after what came before it", async () => {
  const controller = new AbortController();
  const closed: string[] = [];
  async function* failing() {
    yield "x";
    await turn();
    throw new RangeError("no more");
  }
  const told: string[] = [];
  const sources = [waiting(controller.signal, closed, "a"), failing()];
  await assertRejects(
    async () => {
      for await (const event of interleave(sources, () => controller.abort())) told.push(event);
    },
    RangeError,
    "no more",
  );
  assertEquals(told, ["a", "x"]);
  assertEquals(closed, ["a"]);
});

Deno.test("interleave: nothing of nothing", async () => {
  assertEquals(await Array.fromAsync(interleave([], () => {})), []);
});
