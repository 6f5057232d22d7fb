/**
 * Puts the three builds of the core into the program: `import "@aha/runtime/embedded"` before the first model is loaded.
 * Deno then needs neither read nor net permission for them and keeps them in its module cache. This file is JavaScript
 * because TypeScript has no source phase imports; the npm package holds the builds as text in its place.
 */
// @ts-self-types="./embedded.d.ts"
import { provideCore } from "./core_builds.ts";

provideCore({
  relaxed_threads: () => import.source("../../../wasm/relaxed_threads.wasm"),
  simd_threads: () => import.source("../../../wasm/simd_threads.wasm"),
  simd: () => import.source("../../../wasm/simd.wasm"),
});
