/** One progress bar on stderr, drawn on terminals only. Writes nothing elsewhere and measures nothing. */
import { SingleBar } from "cli-progress";
import process from "node:process";
import type { CommandIo } from "../command.ts";
import { sizeText } from "./size_text.ts";

/** A bar that appears with its first update. */
export interface ProgressBar {
  /** `label` stands before the bar; without a total only the bytes are shown. */
  update(label: string, doneBytes: number, totalBytes?: number): void;
  /** Removes the bar; may be called twice. */
  stop(): void;
}

/** What is used of the library, which brings no types. */
interface TerminalBar {
  start(total: number, value: number, payload: object): void;
  setTotal(total: number): void;
  update(value: number, payload: object): void;
  stop(): void;
}

/** Columns that the bar leaves for the rest of its line. */
const OTHER_COLUMNS = 62;

/** A bar for `io`: silent where stderr is no terminal. */
export function progressBar(io: CommandIo): ProgressBar {
  if (!io.errorIsTerminal) return { update: () => {}, stop: () => {} };
  let bar: TerminalBar | undefined;
  return {
    update(label, doneBytes, totalBytes) {
      const payload = {
        label: label.slice(0, 24),
        amount: totalBytes === undefined
          ? sizeText(doneBytes)
          : `${sizeText(doneBytes)} of ${sizeText(totalBytes)}`,
      };
      bar ??= startBar(io.columns, payload);
      bar.setTotal(totalBytes ?? Math.max(doneBytes, 1));
      bar.update(doneBytes, payload);
    },
    stop() {
      bar?.stop();
      bar = undefined;
    },
  };
}

function startBar(columns: number, payload: object): TerminalBar {
  const bar: TerminalBar = new SingleBar({
    format: "{label} [{bar}] {percentage}% {amount}",
    stream: process.stderr,
    barsize: Math.max(8, Math.min(40, columns - OTHER_COLUMNS)),
    clearOnComplete: true,
    hideCursor: true,
  });
  bar.start(1, 0, payload);
  return bar;
}
