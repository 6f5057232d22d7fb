/** The program of a helper thread: joins the core's memory and runs its loop until told to stop. Starts no thread. */

/**
 * A module's text instead of a file: Deno, Node, browsers, bundles and pages that import this from another origin can all
 * start it, and it needs no permission. It is sent a `CoreShare` once and answers with `HelperMessage`s. If it dies, the
 * engine's thread may be inside the core and hear no answer, so it leaves the reason where `helper_failure.ts` looks.
 */
export const HELPER_PROGRAM: string = `
const serve = ({ module, memory, stackBytes }, reply) => {
  const imports = {};
  for (const { module: from, name, kind } of WebAssembly.Module.imports(module)) {
    (imports[from] ??= {})[name] = kind === "memory" ? memory : () => performance.now();
  }
  const core = new WebAssembly.Instance(module, imports).exports;
  core.__wbindgen_start(stackBytes);
  reply({ kind: "ready" });
  try {
    core.run_helper();
  } catch (error) {
    const text = new Uint8Array(memory.buffer, core.failure_text() >>> 0, core.failure_text_bytes());
    text.set(new TextEncoder().encode(String(error)).subarray(0, text.length));
    core.poison_helpers();
    reply({ kind: "died", reason: String(error) });
  }
};
if (typeof globalThis.process?.versions?.node === "string") {
  const { parentPort } = await import("node:worker_threads");
  parentPort.once("message", (share) => serve(share, (message) => parentPort.postMessage(message)));
} else {
  self.onmessage = ({ data }) => serve(data, (message) => self.postMessage(message));
}
`;
