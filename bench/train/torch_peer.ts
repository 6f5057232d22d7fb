/** A process of eager PyTorch that runs training steps on request (`peer_torch.py`). Installs nothing. */
import { spawn } from "node:child_process";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { ClockName } from "./clock.ts";
import type { TrainedShape } from "./trained_shape.ts";

const PROGRAM = fileURLToPath(new URL("peer_torch.py", import.meta.url));

/** What it is. */
export interface TorchVersion {
  readonly version: string;
  readonly blas: string;
  readonly capability: string;
}

/** A model that waits for steps. */
export interface TorchPeer {
  readonly version: TorchVersion;
  /** Seconds of each of so many steps. */
  steps(count: number, clock: ClockName): Promise<number[]>;
  close(): void;
}

/** Starts it; throws with the last line of what Python says where it cannot run. `python` has PyTorch. */
export async function startTorch(
  python: string,
  shape: TrainedShape,
  threads: number,
): Promise<TorchPeer> {
  const words = [PROGRAM, JSON.stringify({ ...shape, threads })];
  // Threads that spin after a step would take the core from whoever has the next turn.
  const env = { ...process.env, OMP_WAIT_POLICY: "passive", KMP_BLOCKTIME: "0" };
  const child = spawn(python, words, { env, stdio: ["pipe", "pipe", "pipe"] });
  let complaint = "";
  child.stderr.on("data", (chunk) => complaint = `${complaint}${chunk}`.slice(-2000));
  const failed = new Promise<never>((_, reject) => {
    const last = () => complaint.trimEnd().split("\n").at(-1);
    child.once("error", (error) => reject(error));
    child.once("exit", (code) => reject(new Error(`PyTorch ended with ${code}: ${last()}`)));
  });
  failed.catch(() => {});
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async <T>(): Promise<T> => {
    const { value, done } = await Promise.race([lines.next(), failed]);
    return done ? await failed : JSON.parse(value);
  };
  const version = await next<TorchVersion>();
  return {
    version,
    async steps(count, clock) {
      child.stdin.write(`${count}\n`);
      return (await next<Readonly<Record<ClockName, number[]>>>())[clock];
    },
    close: () => child.kill(),
  };
}
