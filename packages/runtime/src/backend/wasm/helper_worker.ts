/** Entry of a helper thread: joins the core's memory and runs its loop until told to stop. Nothing else happens here. */
import { type CoreShare, joinCore } from "./core.ts";
import type { HelperMessage } from "./helper_threads.ts";

type Reply = (message: HelperMessage) => void;

function serve(share: CoreShare, reply: Reply): void {
  const core = joinCore(share);
  reply({ kind: "ready" });
  try {
    core.run_helper();
  } catch (error) {
    core.poison_helpers();
    // The engine's thread may be inside the core and stop there before it hears the reply, so the reason is told here.
    console.error(`aha: a helper thread died: ${error instanceof Error ? error.stack : error}`);
    reply({ kind: "died", reason: String(error) });
  }
}

if (typeof process !== "undefined" && typeof process.versions?.node === "string") {
  const { parentPort } = await import("node:worker_threads");
  parentPort?.once("message", (share: CoreShare) => serve(share, (m) => parentPort.postMessage(m)));
} else {
  self.onmessage = (event: MessageEvent<CoreShare>) =>
    serve(event.data, (m) => self.postMessage(m));
}
