/** The most memory this process has used. Measures nothing where the system does not tell. */
import { readFileSync } from "node:fs";
import process from "node:process";

/** A size and where it is from. */
export interface PeakMemory {
  readonly sizeBytes: number;
  /** `VmHWM` is the kernel's own figure; `wasm+heap` is the sum of wasm memory and JS heap now. */
  readonly source: "VmHWM" | "wasm+heap";
}

/** VmHWM where /proc has it, else wasm memory plus JS heap. */
export function peakMemory(wasmBytes: number): PeakMemory {
  try {
    const line = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"));
    if (line) return { sizeBytes: Number(line[1]) * 1024, source: "VmHWM" };
  } catch {
    // Not Linux: fall through.
  }
  return { sizeBytes: wasmBytes + process.memoryUsage().heapUsed, source: "wasm+heap" };
}
