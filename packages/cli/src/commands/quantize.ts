/** `aha quantize`: writes a model file in another number format. Computes nothing itself. */
import type { QuantizeReport } from "@aha/runtime/quantize";
import { type Command, type CommandInput, type CommandIo, UsageError } from "../command.ts";
import { flagOption, integerOption } from "../options.ts";
import { progressBar } from "../terminal/progress_bar.ts";
import { printable, sizeText } from "../terminal/size_text.ts";

/** `aha quantize IN OUT TYPE`. */
export const command: Command = {
  name: "quantize",
  usage: "quantize IN OUT TYPE [--force] [--threads N] [--json]",
  details: `IN is a model of F32, F16 or BF16 weights; OUT the GGUF file to write.
TYPE is F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q4_K or Q6_K: the format of all matrices. Vectors stay F32;
rows that are no whole number of blocks fall back to Q8_0 or F16, and the command says which.
--json prints {path, type, sizeBytes, tensors: [{name, from, to, fallback?}, ...]}.
  aha quantize model-f16.gguf model-q4_k.gguf Q4_K`,
  positionals: ["IN", "OUT", "TYPE"],
  options: {
    force: { type: "boolean", help: "replace OUT where it exists" },
    threads: { type: "string", value: "N", help: "threads that share the work" },
    json: { type: "boolean", help: "print one JSON document" },
  },
  run,
};

async function run({ values, positionals }: CommandInput, io: CommandIo): Promise<number> {
  const [model, out, wanted] = positionals;
  const type = wanted.toUpperCase();
  const threads = integerOption(values, "threads", { min: 1 });
  const { WRITABLE_TYPES } = await import("@aha/runtime/quantize");
  if (!WRITABLE_TYPES.some((name) => name === type)) {
    const known = WRITABLE_TYPES.join(", ");
    throw new UsageError(`TYPE ${JSON.stringify(wanted)} cannot be written; give one of ${known}`);
  }
  const report = await write(model, out, type, flagOption(values, "force"), threads, io);
  const { sizeBytes } = report;
  if (flagOption(values, "json")) {
    const tensors = report.tensors.map(({ tensor, type: to, fallback }) => ({
      name: tensor.name,
      from: tensor.type.name,
      to,
      fallback,
    }));
    io.out(`${JSON.stringify({ path: out, type, sizeBytes, tensors })}\n`);
    return 0;
  }
  for (const { tensor, type: to, fallback } of report.tensors) {
    if (fallback) io.error(`${printable(tensor.name)}: ${to} instead of ${type}, ${fallback}\n`);
  }
  io.out(`${printable(out)}: ${report.tensors.length} tensors, ${sizeText(sizeBytes)}\n`);
  return 0;
}

async function write(
  model: string,
  out: string,
  type: string,
  overwrite: boolean,
  threads: number | undefined,
  io: CommandIo,
): Promise<QuantizeReport> {
  const { openFileSink, openSource } = await import("@aha/runtime/gguf");
  const { quantizeModel } = await import("@aha/runtime/quantize");
  const { resolveModel } = await import("@aha/runtime/weights");
  const { signal } = io;
  const source = await openSource(await resolveModel(model, { signal }), { signal });
  const bar = progressBar(io);
  try {
    const sink = await openFileSink(out, { overwrite, hint: "--force replaces it" });
    try {
      const onProgress = (done: number, total: number) => bar.update("Quantizing", done, total);
      const report = await quantizeModel(source, sink, type, { threads, signal, onProgress });
      sink.commit();
      return report;
    } finally {
      sink.abort();
    }
  } finally {
    bar.stop();
    await source.close();
  }
}
