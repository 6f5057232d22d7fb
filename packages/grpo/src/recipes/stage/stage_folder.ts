/** The folder of a stage: data, evaluation and the mark that it is done, each written whole or not at all. Trains nothing. */
import { builtin } from "@aha/runtime/host";
import { CheckpointFolder } from "../../run/checkpoint_folder.ts";
import { RUN_FILES } from "../../run/step_record.ts";

/** Names of a stage's files besides those of `RUN_FILES`. */
export const STAGE_FILES = {
  /** What the stage was begun with, written first of all. */
  settings: "settings.json",
  /** What the stage learns from: rows as TRL has them. */
  data: "data.jsonl",
  /** How the data were made: how many were sampled, kept, and dropped for what. */
  dataReport: "data.json",
  evaluation: "eval.json",
  /** Written last: a stage that has it is done. */
  done: "stage.json",
  log: "log.txt",
} as const;

/** Where a stage keeps what it makes. */
export class StageFolder extends CheckpointFolder {
  get modelPath(): string {
    return this.file(RUN_FILES.model);
  }

  /** A JSON file's value; undefined where there is none. */
  read<Value>(name: string): Value | undefined {
    return this.has(name) ? JSON.parse(this.readText(name)) : undefined;
  }

  readText(name: string): string {
    return builtin("node:fs").readFileSync(this.file(name), "utf8");
  }

  async writeJson(name: string, value: unknown): Promise<void> {
    await this.write(name, `${JSON.stringify(value, null, 1)}\n`);
  }

  /** Rows of `data.jsonl`; they are made and written where there are none. What is read is what was written. */
  async rows<Row>(make: () => Promise<readonly Row[]>): Promise<Row[]> {
    if (!this.has(STAGE_FILES.data)) {
      this.prepare();
      const rows = await make();
      await this.write(STAGE_FILES.data, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
    }
    return this.readText(STAGE_FILES.data).trimEnd().split("\n").map((line) => JSON.parse(line));
  }

  /** Appends a line for people. */
  log(text: string): void {
    const fs = builtin("node:fs");
    fs.mkdirSync(this.path, { recursive: true });
    fs.appendFileSync(this.file(STAGE_FILES.log), `${new Date().toISOString()} ${text}\n`);
  }
}
