/** Why a helper thread died: a text in the core's memory, since the engine's thread may be inside the core when it happens. Ends nothing. */
import { ThreadError } from "../../errors.ts";
import type { InitOutput } from "../../../wasm/core.d.ts";

type Exports = Pick<InitOutput, "failure_text" | "failure_text_bytes" | "poison_helpers">;

/** Keeps the reason and makes the core give up: its running call and each later one that shares work throw. */
export function reportFailure(
  core: Exports,
  memory: WebAssembly.Memory,
  reason: string,
): void {
  const text = textOf(core, memory);
  if (text[0] === 0) text.set(new TextEncoder().encode(reason).subarray(0, text.length));
  core.poison_helpers();
}

/** The error to throw; without a reason, a helper has kept its part of a job for too long. */
export function failureOf(core: Exports, memory: WebAssembly.Memory): ThreadError {
  const bytes = textOf(core, memory).slice();
  const end = bytes.indexOf(0);
  const reason = new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
  const what = reason ? `died: ${reason}` : "does not finish its part of the work";
  return new ThreadError(`A helper thread ${what}; load the model again`);
}

function textOf(core: Exports, memory: WebAssembly.Memory): Uint8Array {
  return new Uint8Array(memory.buffer, core.failure_text() >>> 0, core.failure_text_bytes());
}
