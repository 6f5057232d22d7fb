/** Tests of loading.ts. */
import { assertEquals, assertRejects } from "@std/assert";
import { capturedIo } from "../../../../tests/support/captured_io.ts";
import type { ModelFacts } from "@aha/api";
import { watchLoading } from "./loading.ts";

const FACTS: ModelFacts = {
  ...{ architecture: "llama", contextTokens: 512, vocabulary: 9, width: 8, layers: 2 },
  ...{ parameters: 1e6, sizeBytes: 1, quantization: "Q4_K", isReasoning: false, loadMs: 1250 },
  ...{ memoryBytes: 2 ** 20, backend: { name: "wasm", variant: "simd", threads: 1 } },
};

Deno.test("watchLoading: a model that does not load at the start fails the server, a later one is told", async () => {
  const { io, written } = capturedIo();
  const { failed, hooks, stop } = watchLoading(["a", "b"], io);
  hooks.onProgress?.("a", { phase: "load", doneBytes: 1, totalBytes: 2 });
  hooks.onReady?.("a", FACTS);
  assertEquals(
    written.error,
    "a is ready after 1.3 s: llama, 1.0 M parameters in Q4_K, context of 512 tokens, 1.0 MiB, 1 thread\n",
  );
  hooks.onFailure?.("a", new Error("a helper died"));
  assertEquals(
    written.error.split("\n")[1],
    "aha: a is lost until somebody asks for it: a helper died",
  );
  hooks.onFailure?.("b", new Error("no file"));
  await assertRejects(() => failed, Error, "no file");
  stop();
});
