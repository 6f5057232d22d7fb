/** `aha quantize`: writes a model file in another number format. Computes nothing itself. */
import type { Command, CommandInput, CommandIo } from "../../command.ts";
import { printReport, writableType, writeModelFile, writingOptions } from "../../model_writing.ts";

/** `aha quantize IN OUT TYPE`. */
export const command: Command = {
  name: "quantize",
  usage: "quantize IN OUT TYPE [--force] [--threads N] [--json]",
  details:
    `IN is a model of F32, F16 or BF16 weights, any shard of one included; OUT the GGUF file to write.
TYPE is F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q4_K or Q6_K: the format of all matrices. Vectors stay F32;
rows that are no whole number of blocks fall back to Q8_0 or F16, and the command says which.
--json prints {path, type, sizeBytes, tensors: [{name, from, to, fallback?}, ...]}.
  aha quantize model-f16.gguf model-q4_k.gguf Q4_K`,
  positionals: ["IN", "OUT", "TYPE"],
  options: writingOptions,
  run,
};

async function run({ values, positionals }: CommandInput, io: CommandIo): Promise<number> {
  const [model, out, wanted] = positionals;
  const type = await writableType(wanted, "TYPE");
  const { openGguf, parseShardName } = await import("@aha/runtime/gguf");
  const { quantizeModel } = await import("@aha/runtime/quantize");
  const { resolveModel } = await import("@aha/runtime/weights");
  const { signal } = io;
  const place = await resolveModel(model, { signal });
  const inputs = typeof place === "string" ? parseShardName(place)?.all ?? [place] : [];
  const opened = await openGguf(place, { signal });
  try {
    const report = await writeModelFile(
      out,
      values,
      io,
      "Quantizing",
      inputs,
      (sink, options) => quantizeModel(opened, sink, type, options),
    );
    printReport(report, out, type, values, io);
    return 0;
  } finally {
    await opened.source.close();
  }
}
