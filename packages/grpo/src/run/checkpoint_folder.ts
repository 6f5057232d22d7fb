/** The folder of a run (Deno and Node): its checkpoint, which is replaced whole or not at all, and its other files. Decides nothing. */
import { OutputError } from "@aha/runtime";
import { builtin } from "@aha/runtime/host";
import { CheckpointError, openFileSink } from "@aha/runtime/training";
import {
  checkpointBytes,
  type CheckpointFacts,
  type OpenCheckpoint,
  openCheckpoint,
  type TrainingState,
  writeCheckpoint,
} from "./checkpoint.ts";
import { RunLock } from "./run_lock.ts";
import { RUN_FILES } from "./step_record.ts";

/** Beside what is written now: room for metrics, samples and the report. */
const SPARE_BYTES = 16 << 20;

/** What `openFileSink` calls a file until it is whole; others' parts of downloads have other names. */
const HALF_WRITTEN = /\.[0-9a-f]{8}\.part$/;

const REASONS: Readonly<Record<string, string>> = {
  EEXIST: "there is a file of that name",
  ENOTDIR: "a part of its path is a file",
  EACCES: "permission is missing",
  EPERM: "permission is missing",
  EROFS: "the file system is read-only",
  ENOSPC: "the disk is full",
};

/** Where the checkpoint of a run is. */
export class CheckpointFolder {
  constructor(readonly path: string) {}

  /**
   * Makes the folder, and keeps other runs out of it until the lock is disposed of.
   * @throws {OutputError} if there can be no such folder, and naming the process that runs in it
   */
  lock(): Disposable {
    const isNew = this.#make();
    const lock = new RunLock(this.path);
    return {
      [Symbol.dispose]: () => {
        lock[Symbol.dispose]();
        if (isNew) this.#removeEmpty();
      },
    };
  }

  /**
   * Makes the folder, and removes what a killed run has left half written.
   * @throws {OutputError} if there can be no such folder
   */
  prepare(): void {
    const fs = builtin("node:fs");
    this.#make();
    for (const name of fs.readdirSync(this.path)) {
      if (HALF_WRITTEN.test(name)) fs.rmSync(this.file(name), { force: true });
    }
  }

  /** Whether it was not there. */
  #make(): boolean {
    try {
      return builtin("node:fs").mkdirSync(this.path, { recursive: true }) !== undefined;
    } catch (error) {
      const { code, message } = error as { readonly code?: string; readonly message: string };
      const reason = REASONS[code ?? ""] ?? message.split("\n")[0];
      throw new OutputError(
        `Cannot make the folder ${this.path}: ${reason}; choose another --out`,
        this.path,
        { cause: error },
      );
    }
  }

  #removeEmpty(): void {
    const fs = builtin("node:fs");
    if (fs.readdirSync(this.path).length === 0) fs.rmdirSync(this.path);
  }

  /** Where a file of the run is. */
  file(name: string): string {
    return builtin("node:path").join(this.path, name);
  }

  has(name: string): boolean {
    return builtin("node:fs").existsSync(this.file(name));
  }

  /** Replaces a small file in one step. */
  async write(name: string, text: string): Promise<void> {
    const sink = await openFileSink(this.file(name), { overwrite: true });
    try {
      await sink.write(new TextEncoder().encode(text));
      sink.commit();
    } finally {
      sink.abort();
    }
  }

  /** @throws {Error} naming the room that there is, where a checkpoint and its predecessor would not fit */
  expectRoom(state: TrainingState): void {
    const { bavail, bsize } = builtin("node:fs").statfsSync(this.path);
    const wanted = checkpointBytes(state) + SPARE_BYTES;
    if (bavail * bsize >= wanted) return;
    throw new Error(
      `The disk of ${this.path} has ${mebibytes(bavail * bsize)} left, a checkpoint takes ${
        mebibytes(wanted)
      } while the one before it is kept: free some, or choose another --out`,
    );
  }

  /**
   * Replaces the checkpoint: a run that is killed at any moment finds this one or the one before.
   * @throws {OutputError} if it cannot be written; the one before is kept
   */
  async save(state: TrainingState, facts: CheckpointFacts): Promise<void> {
    this.expectRoom(state);
    const sink = await openFileSink(this.file(RUN_FILES.checkpoint), { overwrite: true });
    try {
      await writeCheckpoint(sink, state, facts);
      sink.commit();
    } finally {
      sink.abort();
    }
  }

  /** @throws {CheckpointError} if there is none */
  expectCheckpoint(): void {
    if (this.has(RUN_FILES.checkpoint)) return;
    const isBegun = this.has(RUN_FILES.metrics);
    throw new CheckpointError(
      `There is no checkpoint in ${this.path} to go on from: leave --resume out to begin there${
        isBegun ? ", and remove the folder first: its run ended before its first checkpoint" : ""
      }`,
      this.path,
    );
  }

  /**
   * The checkpoint to go on from.
   * @throws {CheckpointError} if there is none, or it is damaged
   */
  async openCheckpoint(): Promise<OpenCheckpoint> {
    this.expectCheckpoint();
    return await openCheckpoint(this.file(RUN_FILES.checkpoint));
  }
}

function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)} MiB`;
}
