/** Tests of the engine around its steps: room, errors, signals, progress, memory. What it draws is tested in
 * tests/parity/rollout_test.ts. */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { withFolder, writeModel } from "../../../../../tests/support/edited_model.ts";
import { fixturePath } from "../../../../../tests/support/fixture.ts";
import { FixtureModel } from "../../../../../tests/support/fixture_model.ts";
import { BAD, overflowing } from "../../../../../tests/support/overflowing_model.ts";
import { MemoryError, ModelError } from "../../errors.ts";
import { type KvCache, pageBytes } from "../../kv_cache.ts";
import type { LanguageModel } from "../../model/language_model.ts";
import { rollOut, RolloutEngine } from "./rollout_engine.ts";
import type { RolloutRequest } from "./rollout_request.ts";

const PATH = fixturePath("models/llama_untied/gguf/model-F32.gguf");
const REQUEST: RolloutRequest = {
  prompts: [[7, 8, 9], Array.from({ length: 40 }, (_, i) => 10 + i), [5]],
  group: 4,
  maxTokens: 30,
  temperature: 1,
  endIds: [3, 30, 60, 90, 120, 150],
  draw: (prompt, index) => ({ seed: [prompt, 1], choice: index }),
};

async function opened(
  run: (open: FixtureModel, engine: RolloutEngine) => Promise<void>,
): Promise<void> {
  await using open = await FixtureModel.open(PATH);
  await run(open, new RolloutEngine(open.model, open.backend, open.backend.ops));
}

Deno.test("RolloutEngine: needs no more pages than it takes before it draws, and most of them", async () => {
  await opened(async ({ model, backend }) => {
    const caches = new Set<KvCache>();
    let peak = 0;
    const seeing: LanguageModel = {
      ...model,
      forward(ops, ids, batch, cache) {
        if (cache) caches.add(cache);
        peak = Math.max(peak, cache?.usedPages ?? 0);
        return model.forward(ops, ids, batch, cache);
      },
    };
    const engine = new RolloutEngine(seeing, backend, backend.ops);
    for (const mostSequences of [1, 3, 5, 12]) {
      const request = { ...REQUEST, endIds: [], mostSequences };
      peak = 0;
      await engine.rollOut(request);
      const most = engine.bytesFor(request) / pageBytes(model.kvShape("f32"));
      assert(peak <= most && peak >= most / 2, `${peak} of ${most}`);
      assertEquals(Array.from(caches, ({ usedPages }) => usedPages), [0]);
    }
  });
});

Deno.test("RolloutEngine: tells progress, starts each completion once and in order", async () => {
  await opened(async (_, engine) => {
    const [told, started]: [number[][], string[]] = [[], []];
    const rollouts = await engine.rollOut({
      ...REQUEST,
      mostSequences: 5,
      onProgress: (tokens, sequences) => told.push([tokens, sequences]),
      draw: (prompt, index) => {
        started.push(`${prompt}.${index}`);
        return REQUEST.draw(prompt, index);
      },
    });
    const all = [0, 1, 2].flatMap((prompt) => [0, 1, 2, 3].map((index) => `${prompt}.${index}`));
    assertEquals(started, all);
    const tokens = rollouts.reduce((sum, { ids }) => sum + ids.length, 0);
    assertEquals(told[told.length - 1], [tokens, 12]);
    assert(told.every(([tokens], i) => i === 0 || tokens >= told[i - 1][0]));
    for (const { ids, logps, isFinished } of rollouts) {
      assertEquals(logps.length, ids.length);
      assertEquals(isFinished, [...REQUEST.endIds].includes(ids[ids.length - 1]));
    }
    assertEquals(await engine.rollOut({ ...REQUEST, prompts: [] }), []);
  });
});

Deno.test("RolloutEngine: a signal ends it between two steps, and it runs again after", async () => {
  await opened(async (_, engine) => {
    const stop = new AbortController();
    const request = { ...REQUEST, endIds: [], signal: stop.signal };
    const running = engine.rollOut({
      ...request,
      onProgress: (n) => n > 40 && stop.abort("enough"),
    });
    await assertRejects(() => engine.rollOut(REQUEST), TypeError, "await them first");
    assertEquals(await running.catch((reason) => reason), "enough");
    assertEquals((await engine.rollOut(REQUEST)).length, 12);
  });
});

Deno.test("RolloutEngine: the host has its turns", async () => {
  await opened(async (_, engine) => {
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    await engine.rollOut({ ...REQUEST, group: 100, endIds: [], maxTokens: 100 });
    clearInterval(timer);
    assert(turns > 3, `${turns}`);
  });
});

Deno.test("RolloutEngine: memory is kept from call to call, and given back by trim", async () => {
  await opened(async (open, engine) => {
    const request = { ...REQUEST, group: 40 };
    await engine.rollOut(request);
    const bytes = open.backend.memoryBytes();
    await engine.rollOut(request);
    assertEquals(open.backend.memoryBytes(), bytes);
    engine.trim();
    await rollOut(open.model, open.backend, open.backend.ops, request);
    assert(open.backend.memoryBytes() - bytes < engine.bytesFor(request) / 2, "it was free");
  });
});

Deno.test("RolloutEngine: reserve takes the pages of a request before it comes, or says that they find no room", async () => {
  const request = { ...REQUEST, group: 40, endIds: [] };
  const growth = async (isReserved: boolean) => {
    let bytes = 0;
    await opened(async ({ backend }, engine) => {
      if (isReserved) engine.reserve(request);
      const before = backend.memoryBytes();
      await engine.rollOut(request);
      bytes = backend.memoryBytes() - before;
    });
    return bytes;
  };
  await opened(async (_, engine) => {
    const spared = await growth(false) - await growth(true);
    assert(spared > engine.bytesFor(request) / 2, `${spared} bytes`);
    const tooMany = { ...request, group: 1e6, maxTokens: 400, mostSequences: 1e6 };
    assertThrows(() => engine.reserve(tooMany), MemoryError, "take fewer by mostSequences");
  });
});

Deno.test("RolloutEngine: what finds no room fails before anything is drawn", async () => {
  await using open = await FixtureModel.open(PATH, { maxBytes: 32 << 20 });
  const engine = new RolloutEngine(open.model, open.backend, open.backend.ops);
  const draw = () => {
    throw new Error("it has begun");
  };
  const many = { ...REQUEST, draw, group: 10_000, maxTokens: 400, mostSequences: 10_000 };
  await assertRejects(() => engine.rollOut(many), MemoryError, "take fewer by mostSequences");
  assertEquals((await engine.rollOut(REQUEST)).length, 12);
});

Deno.test("RolloutEngine: what is not finite ends it, naming prompt, completion and position", async () => {
  await withFolder(async (folder) => {
    await using open = await FixtureModel.open(writeModel(folder, await overflowing()));
    const { model, backend } = open;
    const run = (request: Partial<RolloutRequest>) =>
      rollOut(model, backend, backend.ops, {
        ...REQUEST,
        endIds: [],
        bannedIds: [BAD],
        ...request,
      });
    const prompts = [[8, 9], [10, BAD, 11]];
    await assertRejects(
      () => run({ prompts }),
      ModelError,
      "Completion 0 of prompt 1 has no token at position 0: a logit is not finite",
    );
    const force = { after: 5, ids: [BAD] };
    await assertRejects(
      () => run({ prompts: [[8, 9]], force }),
      ModelError,
      "Completion 0 of prompt 0 has no token at position 6: a logit is not finite",
    );
    assertEquals((await run({ prompts: [[8, 9]] })).length, 4);
  });
});

Deno.test("RolloutEngine: banned ids are not drawn, and must leave one", async () => {
  await opened(async ({ model: { config } }, engine) => {
    const ids = Array.from({ length: config.vocabulary }, (_, id) => id);
    const rollouts = await engine.rollOut({ ...REQUEST, endIds: [], bannedIds: ids.slice(33) });
    assert(rollouts.every((one) => one.ids.every((id) => id < 33)));
    await assertRejects(
      () => engine.rollOut({ ...REQUEST, bannedIds: ids }),
      RangeError,
      "Completion 0 of prompt 0 has no token at position 0: bannedIds leave none",
    );
  });
});

Deno.test("RolloutEngine: requests out of range are refused by name", async () => {
  await opened(async ({ model: { config } }, engine) => {
    const cases: readonly (readonly [Partial<RolloutRequest>, string])[] = [
      [{ group: 0 }, "group is 0, it must be a whole number of at least 1"],
      [{ maxTokens: 1.5 }, "maxTokens is 1.5"],
      [{ mostSequences: 0 }, "mostSequences is 0"],
      [{ temperature: -1 }, "temperature is -1, it must be 0 or from"],
      [{ temperature: 1e-9 }, "temperature is 1e-9"],
      [{ temperature: NaN }, "temperature is NaN"],
      [{ topP: 2 }, "topP is 2"],
      [{ topK: -1 }, "topK is -1"],
      [{ prompts: [[1], []] }, "Prompt 1 is empty"],
      [{ prompts: [[config.vocabulary]] }, `Prompt 0: token id ${config.vocabulary} is outside`],
      [{ maxTokens: config.contextTokens }, `exceed the context of ${config.contextTokens} tokens`],
      [{ bannedIds: [-1] }, "bannedIds: token id -1"],
      [{ force: { after: -1, ids: [1] } }, "force.after is -1"],
      [{ force: { after: 1, ids: [9999] } }, "force.ids: token id 9999"],
    ];
    for (const [change, message] of cases) {
      await assertRejects(() => engine.rollOut({ ...REQUEST, ...change }), RangeError, message);
    }
  });
});
