/** Tests of what an engine knows of models that it has not loaded, over fake models and a fake clock. */
import { assertEquals } from "@std/assert";
import { SourceError } from "@aha/runtime";
import { fakeClock, settle } from "../../../../tests/support/fake_clock.ts";
import { fakeModels } from "../../../../tests/support/fake_models.ts";
import { assembleEngine } from "./create_engine.ts";
import type { ModelDescriber } from "./model_loader.ts";

const HEAD = {
  ...{ architecture: "llama", contextTokens: 64, vocabulary: 10, width: 8, layers: 1 },
  ...{ parameters: 80, sizeBytes: 320, quantization: "F32", isReasoning: false },
};

/** Of these models; the file of "unreadable" cannot be read, that of "slow" never ends. */
function setUp(...names: readonly string[]) {
  const clock = fakeClock();
  const described: string[] = [];
  const describe: ModelDescriber = ({ name }, signal) => {
    described.push(name);
    if (name === "unreadable") return Promise.reject(new SourceError("no file", name));
    if (name !== "slow") return Promise.resolve(HEAD);
    return new Promise((_, reject) =>
      signal.addEventListener("abort", () => reject(signal.reason))
    );
  };
  const models = names.map((name) => ({ name, source: `${name}.gguf` }));
  const engine = assembleEngine({ models }, fakeModels().load, clock, describe);
  const known = () =>
    engine.models().map(({ head, facts }) => head ? facts ? "loaded" : "read" : "unknown");
  return { engine, clock, described, known };
}

Deno.test("heads: read once of models that are not loaded; what fails is tried again after a while", async () => {
  const { engine, clock, described, known } = setUp("a", "unreadable", "c");
  assertEquals(known(), ["unknown", "unknown", "unknown"]);
  (await engine.acquire("a"))[Symbol.dispose]();
  await Promise.all([engine.readHeads(), engine.readHeads()]);
  assertEquals([known(), described], [["loaded", "unknown", "read"], ["unreadable", "c"]]);
  await engine.readHeads();
  assertEquals(described, ["unreadable", "c"]);
  await clock.turn(30_000);
  await engine.readHeads();
  assertEquals(described, ["unreadable", "c", "unreadable"]);
  await engine.unload("a");
  await engine.readHeads();
  assertEquals([known(), described.length], [["read", "unknown", "read"], 3]);
  assertEquals(engine.find("a")?.state, "cold");
});

Deno.test("heads: nobody waits long for one, nor does reading it go on for ever", async () => {
  const { engine, clock, described, known } = setUp("slow", "a");
  let isOver = false;
  const asked = engine.readHeads().then(() => isOver = true);
  await settle();
  assertEquals([isOver, described], [false, ["slow", "a"]]);
  await clock.turn(2_000);
  await asked;
  assertEquals(known(), ["unknown", "read"]);
  await clock.turn(28_000);
  await clock.turn(30_000);
  const again = engine.readHeads();
  assertEquals(described, ["slow", "a", "slow"]);
  await clock.turn(2_000);
  await again;
});
