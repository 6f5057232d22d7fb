/** `aha merge`: writes a model with an adapter added to its weights. Computes nothing itself. */
import { type Command, type CommandInput, type CommandIo, UsageError } from "../../command.ts";
import { loraText } from "../../model_options.ts";
import { printReport, writableType, writeModelFile, writingOptions } from "../../model_writing.ts";
import { stringOption } from "../../options.ts";

/** `aha merge MODEL ADAPTER OUT.gguf`. */
export const command: Command = {
  name: "merge",
  usage: "merge MODEL ADAPTER OUT.gguf [--type T] [--force] [--threads N] [--json]",
  details: `ADAPTER is a GGUF LoRA file or peft's folder, with FILE:SCALE a factor on what it adds.
Weights keep their formats; those that the adapter changes are quantized again, as Q8_0 where their own
format cannot be written. --type T gives all matrices one format: F32, F16, BF16, or from a model of
such weights Q8_0, Q4_0, Q4_1, Q4_K or Q6_K.
--json prints {path, type, sizeBytes, tensors: [{name, from, to, fallback?}, ...]}.
  aha merge model-f16.gguf adapter-folder merged.gguf --type Q8_0`,
  positionals: ["MODEL", "ADAPTER", "OUT.gguf"],
  options: {
    type: { type: "string", value: "T", help: "format of all matrices (default: as they are)" },
    ...writingOptions,
  },
  run,
};

async function run({ values, positionals }: CommandInput, io: CommandIo): Promise<number> {
  const [model, adapter, out] = positionals;
  const asked = stringOption(values, "type");
  const type = asked === undefined ? undefined : await writableType(asked, "--type");
  const { name, from, scale } = adapterText(adapter);
  if (name !== undefined) throw new UsageError(`ADAPTER needs no name; give ${from}`);
  const { signal } = io;
  const [{ modelConfig }, { openGguf, parseShardName }, lora, { resolveModel }] = await Promise.all(
    [
      import("@aha/runtime"),
      import("@aha/runtime/gguf"),
      import("@aha/runtime/lora"),
      import("@aha/runtime/weights"),
    ],
  );
  const place = await resolveModel(model, { signal });
  const inputs = typeof place === "string" ? parseShardName(place)?.all ?? [place] : [];
  const opened = await openGguf(place, { signal });
  try {
    const config = modelConfig(opened.gguf, { latentForm: "naive" });
    const adapters = await lora.readAdapter(from, config, { signal });
    const report = await writeModelFile(
      out,
      values,
      io,
      "Merging",
      [...inputs, from],
      (sink, options) =>
        lora.mergeAdapter(opened, config, adapters, sink, { ...options, type, scale }),
    );
    printReport(report, out, type ?? "its own format", values, io);
    return 0;
  } finally {
    await opened.source.close();
  }
}

function adapterText(text: string): ReturnType<typeof loraText> {
  try {
    return loraText(text);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(`ADAPTER ${JSON.stringify(text)} is no file; give FILE or FILE:SCALE`);
  }
}
