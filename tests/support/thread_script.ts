/** Scripts about helper threads, each a process of its own: a pool that hangs would hang the tests too. Tests nothing itself. */
import { assertEquals } from "@std/assert";
import { denoProcess } from "./aha_process.ts";

const wasm = (file: string): string =>
  JSON.stringify(import.meta.resolve(`../../packages/runtime/src/backend/wasm/${file}`));

/** What the scripts share: a core with one helper, and a job that is handed over in parts. */
const SCRIPT = `
  import { startCore } from ${wasm("core.ts")};
  import { HELPER_PROGRAM } from ${wasm("helper_program.ts")};
  import { HelperThreads } from ${wasm("helper_threads.ts")};
  const arrive = async ({ exports }) => {
    while (exports.thread_count() < 2) await new Promise((go) => setTimeout(go, 1));
  };
  const start = async () => {
    const core = await startCore("relaxed_threads", 64 << 20);
    const helpers = await HelperThreads.start(core, 1);
    await arrive(core);
    return { core, helpers };
  };
  const N = 1 << 18;
  const job = ({ exports }, at = exports.allocate(12 * N)) => exports.swiglu(at, at + 4 * N, at + 8 * N, N);
  const attempt = (run) => {
    try {
      return String(run());
    } catch (error) {
      return error instanceof WebAssembly.RuntimeError ? "RuntimeError" : String(error);
    }
  };
`;

/** Runs a script on such a core; it must print these lines and end by itself. */
export async function assertPrints(script: string, lines: readonly string[]): Promise<void> {
  const { code, out, error } = await denoProcess(["-"], { stdin: SCRIPT + script });
  assertEquals({ code, lines: out.trim().split("\n") }, { code: 0, lines }, error);
}
