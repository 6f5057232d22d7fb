/** Tests of the places: turns over clients, several places at once, limits, leaving, the seconds after which to ask again. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { seededRandom } from "../../../../tests/support/seeded_random.ts";
import { QueueFullError } from "./engine_errors.ts";
import { PlaceQueue, type Waiting } from "./place_queue.ts";

/** A queue whose requests are told by name; `log` has who was granted and who was refused, in order. */
function setUp(slots: number, maxQueued: number) {
  const state = { now: 0 };
  const log: string[] = [];
  const held = new Map<string, readonly number[]>();
  const queue = new PlaceQueue(slots, maxQueued, () => state.now);
  const enter = (name: string, places = 1, client = name[0]): Waiting => {
    const waiting: Waiting = {
      ...{ client, places },
      onGranted: (slots) => {
        held.set(name, slots);
        log.push(name);
      },
      onRefused: (error) => log.push(`${name}: ${error.name}`),
    };
    queue.enter(waiting);
    return waiting;
  };
  const free = (name: string) => {
    const slots = held.get(name);
    assert(slots, `${name} has no places`);
    held.delete(name);
    queue.free(slots);
  };
  return { queue, state, log, held, enter, free };
}

Deno.test("PlaceQueue: free places are taken at once, the lowest first", () => {
  const { queue, held, enter, free } = setUp(3, 8);
  enter("a1");
  enter("a2", 2);
  assertEquals([...held], [["a1", [0]], ["a2", [1, 2]]]);
  enter("a3");
  assertEquals(queue.queued, 1);
  free("a1");
  assertEquals(held.get("a3"), [0]);
  assertEquals(queue.queued, 0);
});

Deno.test("PlaceQueue: clients in turn, first come first served within one", () => {
  const { log, enter, free } = setUp(1, 20);
  enter("x");
  for (const name of ["a1", "a2", "a3", "a4", "b1", "b2", "c1"]) enter(name);
  const order = ["x", "a1", "b1", "c1", "a2", "b2", "a3", "a4"];
  for (const name of order) free(name);
  assertEquals(log, order);
});

Deno.test("PlaceQueue: who needs several places is not overtaken once it is its turn, and others have theirs before", () => {
  const { log, enter, free } = setUp(4, 20);
  for (const name of ["x1", "x2", "x3", "x4"]) enter(name);
  enter("a", 4);
  for (const name of ["b1", "b2", "b3", "b4", "b5"]) enter(name);
  for (const name of ["x1", "x2", "x3"]) free(name);
  // Three turns of one place each: a has saved up three.
  assertEquals(log.slice(4), ["b1", "b2", "b3"]);
  for (const name of ["x4", "b1", "b2"]) free(name);
  assertEquals(log.slice(4), ["b1", "b2", "b3"]);
  free("b3");
  assertEquals(log.slice(4), ["b1", "b2", "b3", "a"]);
  free("a");
  assertEquals(log.slice(4), ["b1", "b2", "b3", "a", "b4", "b5"]);
});

Deno.test("PlaceQueue: a request alone gets all its places in one go", () => {
  const { log, enter } = setUp(4, 0);
  enter("a", 4);
  assertEquals(log, ["a"]);
});

Deno.test("PlaceQueue: a full queue refuses the newest of who has the most in it", () => {
  const { queue, log, enter } = setUp(1, 3);
  enter("x");
  for (const name of ["a1", "a2", "a3"]) enter(name);
  const error = assertThrows(() => enter("a4"), QueueFullError) as QueueFullError;
  assertEquals(error.queued, 3);
  enter("b1");
  assertEquals(log, ["x", "a3: QueueFullError"]);
  enter("c1");
  assertEquals(log, ["x", "a3: QueueFullError", "a2: QueueFullError"]);
  assertThrows(() => enter("d1"), QueueFullError);
  assertEquals(queue.queued, 3);
});

Deno.test("PlaceQueue: a queue without room grants and refuses", () => {
  const { log, enter } = setUp(1, 0);
  enter("a1");
  assertThrows(() => enter("b1"), QueueFullError);
  assertEquals(log, ["a1"]);
});

Deno.test("PlaceQueue: who leaves waits no longer, and lets those pass whom it kept", () => {
  const { queue, log, enter, free } = setUp(2, 8);
  enter("x1");
  enter("x2");
  const big = enter("a", 2);
  enter("b");
  free("x1");
  assertEquals(log, ["x1", "x2", "b"]); // a had one place saved up
  enter("c");
  free("x2");
  assertEquals(log, ["x1", "x2", "b"]);
  assert(queue.leave(big));
  assertEquals(log, ["x1", "x2", "b", "c"]);
  assert(!queue.leave(big));
});

Deno.test("PlaceQueue: refuseAll empties it", () => {
  const { queue, log, enter, free } = setUp(1, 8);
  for (const name of ["x", "a", "b"]) enter(name);
  queue.refuseAll(new RangeError("over"));
  assertEquals(log, ["x", "a: RangeError", "b: RangeError"]);
  free("x");
  assertEquals([log.length, queue.queued], [3, 0]);
});

Deno.test("PlaceQueue: the seconds to ask again follow how long places are held", () => {
  const { queue, state, enter, free } = setUp(2, 8);
  assertEquals(queue.retryAfterSeconds(1), 1);
  enter("x1");
  enter("x2");
  state.now = 8000;
  assertEquals(queue.retryAfterSeconds(1), 4); // nobody was done yet: those that run are as old as this
  free("x1");
  enter("x3");
  for (const name of ["a", "b", "c"]) enter(name);
  assertEquals(queue.retryAfterSeconds(1), 16); // 8 s x 4 / 2
  state.now = 8e9;
  free("x2");
  assertEquals(queue.retryAfterSeconds(1), 600);
});

Deno.test("PlaceQueue: whatever comes and goes, places are never shared, nobody is forgotten, and none is free while one waits for it", () => {
  const random = seededRandom(1);
  const { queue, log, held, enter, free } = setUp(4, 1000);
  const waiting = new Map<string, Waiting>();
  let entered = 0;
  let left = 0;
  for (let i = 0; i < 5000; i++) {
    const kind = random(5);
    if (kind < 2) {
      const name = `${"abc"[random(3)]}${i}`;
      const one = enter(name, 1 + random(4));
      entered++;
      if (!held.has(name)) waiting.set(name, one);
    } else if (kind < 4 && held.size > 0) {
      free([...held.keys()][random(held.size)]);
    } else if (waiting.size > 0) {
      const [name, one] = [...waiting][random(waiting.size)];
      if (!held.has(name) && queue.leave(one)) left++;
      waiting.delete(name);
    }
    for (const name of waiting.keys()) if (held.has(name)) waiting.delete(name);
    const taken = [...held.values()].flat();
    assertEquals(new Set(taken).size, taken.length);
    assert(queue.queued === 0 || taken.length > 0, "all wait and nobody runs");
  }
  while (held.size > 0) free([...held.keys()][0]);
  assertEquals([queue.queued, log.length], [0, entered - left]);
});
