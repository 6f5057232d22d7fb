/** The way of commands that write a model file: OUT appears whole or not at all, with a bar and a report. Chooses no formats. */
import type { ByteSink } from "@aha/runtime/gguf";
import type { WriteModelOptions, WriteModelReport } from "@aha/runtime/quantize";
import { type CommandIo, type OptionSpec, type OptionValues, UsageError } from "./command.ts";
import { flagOption, integerOption } from "./options.ts";
import { progressBar } from "./terminal/progress_bar.ts";
import { printable, sizeText } from "./terminal/size_text.ts";

/** Options that these commands share. */
export const writingOptions: Readonly<Record<string, OptionSpec>> = {
  force: { type: "boolean", help: "replace OUT where it exists" },
  threads: { type: "string", value: "N", help: "threads that share the work" },
  json: { type: "boolean", help: "print one JSON document" },
};

/** Types as users write them; throws a `UsageError` that names `what` for those that cannot be written. */
export async function writableType(text: string, what: string): Promise<string> {
  const { WRITABLE_TYPES } = await import("@aha/runtime/quantize");
  const type = text.toUpperCase();
  if (WRITABLE_TYPES.some((name) => name === type)) return type;
  const known = WRITABLE_TYPES.join(", ");
  throw new UsageError(`${what} ${JSON.stringify(text)} cannot be written; give one of ${known}`);
}

/** Runs `write` on a file that gets its name at the end and is none of the inputs; `label` stands before the bar. */
export async function writeModelFile(
  out: string,
  values: OptionValues,
  io: CommandIo,
  label: string,
  inputs: readonly string[],
  write: (sink: ByteSink, options: WriteModelOptions) => Promise<WriteModelReport>,
): Promise<WriteModelReport> {
  const threads = integerOption(values, "threads", { min: 1 });
  const { openFileSink } = await import("@aha/runtime/gguf");
  const overwrite = flagOption(values, "force");
  const sink = await openFileSink(out, { overwrite, inputs, hint: "--force replaces it" });
  const bar = progressBar(io);
  try {
    const onProgress = (done: number, total: number) => bar.update(label, done, total);
    const report = await write(sink, { threads, signal: io.signal, onProgress });
    sink.commit();
    return report;
  } finally {
    sink.abort();
    bar.stop();
  }
}

/** Tells what was written; `wanted` is the format that was asked for. */
export function printReport(
  { sizeBytes, tensors }: WriteModelReport,
  out: string,
  wanted: string,
  values: OptionValues,
  io: CommandIo,
): void {
  if (flagOption(values, "json")) {
    const listed = tensors.map(({ tensor, type: to, fallback }) => ({
      name: tensor.name,
      from: tensor.type.name,
      to,
      fallback,
    }));
    io.out(`${JSON.stringify({ path: out, type: wanted, sizeBytes, tensors: listed })}\n`);
    return;
  }
  for (const [why, names] of fallbacks(tensors, wanted)) {
    const more = names.length > 1 ? ` and ${names.length - 1} more` : "";
    io.error(`${printable(names[0])}${more}: ${why}\n`);
  }
  io.out(`${printable(out)}: ${tensors.length} tensors, ${sizeText(sizeBytes)}\n`);
}

/** Names of the tensors that another format stands in for, by the line that explains it. */
function fallbacks(tensors: WriteModelReport["tensors"], wanted: string): Map<string, string[]> {
  const byReason = new Map<string, string[]>();
  for (const { tensor, type, fallback } of tensors) {
    if (!fallback) continue;
    const why = `${type} instead of ${wanted}, ${fallback}`;
    byReason.set(why, [...byReason.get(why) ?? [], tensor.name]);
  }
  return byReason;
}
