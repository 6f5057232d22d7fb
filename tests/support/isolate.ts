/** Runs the ready entry in a process of its own that is like an isolate, and tells how much memory it took. Judges nothing. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { memoryGroup } from "./memory_group.ts";
import { startRangeServer } from "./range_server.ts";

/** A question: a path and, where it is a `POST`, its body. */
export type IsolateQuestion = readonly [path: string, body?: unknown];

/** What came of it. */
export interface IsolateRun {
  /** Of each round's questions. */
  readonly answers: readonly (readonly (readonly [status: number, text: string])[])[];
  /** The most memory that the process had (VmHWM), with all of Deno in it. */
  readonly peakBytes: number;
  /** Whether the system would have ended it beyond its limit. */
  readonly isLimited: boolean;
  /** Its reads of the weights. */
  readonly rangeRequests: number;
}

/** How it is set up. */
export interface IsolateSettings {
  readonly modelPath: string;
  /** Asked one round after the other, those of a round at once. */
  readonly rounds: readonly (readonly IsolateQuestion[])[];
  readonly limitBytes: number;
  /** More variables for `environmentSettings`. */
  readonly env?: Readonly<Record<string, string>>;
}

const PROGRAM = fileURLToPath(new URL("isolate_program.ts", import.meta.url));
const PRELOAD = fileURLToPath(new URL("isolate_preload.ts", import.meta.url));

/** Runs it; the model `m` is served to it over HTTP by this process, whatever else it may not read. */
export async function runIsolate(settings: IsolateSettings): Promise<IsolateRun> {
  const { modelPath, rounds, limitBytes, env } = settings;
  const server = startRangeServer({ bytes: readFileSync(modelPath), etag: '"1"' });
  const group = memoryGroup(limitBytes);
  const leave = ["--allow-net=127.0.0.1", "--allow-env", "--no-prompt", "--no-check"];
  const flags = [...leave, `--preload=${PRELOAD}`];
  const words = [Deno.execPath(), "run", ...flags, PROGRAM, JSON.stringify(rounds)];
  const enter = group ? 'echo $$ > "$0" && exec "$@"' : 'exec "$@"';
  const child = new Deno.Command("sh", {
    args: ["-c", enter, group?.procsFile ?? "sh", ...words],
    env: { ...env, AHA_PUBLIC: "1", AHA_MODEL: `m=${server.url}` },
    ...{ stdin: "piped", stdout: "piped", stderr: "piped" },
  }).spawn();
  try {
    const told = new Response(child.stderr).text();
    const line = await firstLine(child.stdout);
    if (line === undefined) throw new Error(`The isolate has ended: ${await told}`);
    const peakBytes = peakOf(child.pid);
    return {
      ...{ answers: JSON.parse(line), peakBytes, isLimited: group !== undefined },
      rangeRequests: server.requests.length,
    };
  } finally {
    await child.stdin.close();
    await child.status;
    group?.remove();
    await server.close();
  }
}

async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string | undefined> {
  let text = "";
  const reader = stream.pipeThrough(new TextDecoderStream() as TransformStream).getReader();
  while (!text.includes("\n")) {
    const { done, value } = await reader.read();
    if (done) return undefined;
    text += value;
  }
  await reader.cancel();
  return text.split("\n", 1)[0];
}

function peakOf(pid: number): number {
  const [, kibibytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ??
    [];
  return Number(kibibytes) * 1024;
}
