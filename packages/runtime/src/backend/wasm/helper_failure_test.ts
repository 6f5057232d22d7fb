/** Helper threads that die at any moment: the engine's thread gets a clear error and never hangs. Users' side: tests/e2e. */
import { assertPrints } from "../../../../../tests/support/thread_script.ts";

const lost = (what: string) => `ThreadError: A helper thread ${what}; load the model again`;
const UNFINISHED = lost("does not finish its part of the work");
const TRAPPED = lost("died: RuntimeError: memory access out of bounds");

Deno.test("poison_helpers: every later call throws", async () => {
  await assertPrints(
    `const { core } = await start();
    console.log(attempt(() => job(core)));
    core.exports.poison_helpers();
    for (let i = 0; i < 3; i++) console.log(attempt(() => job(core)));`,
    ["0", UNFINISHED, UNFINISHED, UNFINISHED],
  );
});

Deno.test("ThreadError: tells why a helper trapped; no job runs after a trap of the caller either", async () => {
  // The last part of the job lies beyond the memory; caller and helper take it in turns.
  await assertPrints(
    `const ends = new Set();
    for (let i = 0; i < 100 && ends.size < 2; i++) {
      const { core, helpers } = await start();
      const beyond = core.memory.buffer.byteLength - 8 * N - 4 * N + 64;
      const first = attempt(() => job(core, beyond));
      ends.add(first + " / " + (first === "RuntimeError" ? attempt(() => job(core)) : "-"));
      helpers.close();
    }
    for (const end of [...ends].sort()) console.log(end);`,
    [`RuntimeError / ${UNFINISHED}`, `${TRAPPED} / -`],
  );
});

Deno.test("ThreadError: a helper that never finishes its part of a job is given up", async () => {
  await assertPrints(
    `import { Worker } from "node:worker_threads";
    const program = HELPER_PROGRAM.replace("core.run_helper()", "core.drop_chunk()");
    const core = await startCore("relaxed_threads", 64 << 20);
    const worker = new Worker(new URL("data:text/javascript," + encodeURIComponent(program)));
    worker.postMessage(core.share);
    await arrive(core);
    for (const maySleep of [1, 0]) {
      core.exports.let_caller_sleep(maySleep);
      core.exports.set_patience(4);
      const at = core.exports.allocate(12 * N);
      let end = "0";
      while (end === "0") end = attempt(() => job(core, at));
      console.log(end);
    }
    await worker.terminate();`,
    [UNFINISHED, UNFINISHED],
  );
});

Deno.test("HelperThreads.start: a Worker that dies at once is an error with its reason", async () => {
  await assertPrints(
    `const core = await startCore("relaxed_threads", 64 << 20);
    const broken = { ...core, share: { ...core.share, module: new Uint8Array(1) } };
    await HelperThreads.start(broken, 2).catch((error) => console.log(error.name, /thread died: TypeError/.test(error)));`,
    ["UnsupportedError true"],
  );
});
