/** `aha convert`: makes a GGUF file from a Hugging Face folder. Computes nothing itself. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { WriteModelReport } from "@aha/runtime/quantize";
import type { Command, CommandInput, CommandIo } from "../../command.ts";
import { printReport, writableType, writeModelFile, writingOptions } from "../../model_writing.ts";
import { stringOption } from "../../options.ts";

/** `aha convert HF_DIR OUT.gguf`. */
export const command: Command = {
  name: "convert",
  usage: "convert HF_DIR OUT.gguf [--type T] [--force] [--threads N] [--json]",
  details:
    `HF_DIR is a folder with config.json, tokenizer.json and safetensors files (F32, F16, BF16, or FP8 with
scales for blocks of 128 x 128) of a Llama, Mistral, Qwen2, Qwen3, Qwen3-MoE, OLMoE, DeepSeek-V2 or V3 model;
OUT.gguf the file to write. T is F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q4_K or Q6_K: the format of all matrices, by
default the folder's own (BF16 for FP8). Vectors and routers stay F32; rows that are no whole number of blocks
fall back to Q8_0 or F16, and the command says which.
--json prints {path, type, sizeBytes, tensors: [{name, from, to, fallback?}, ...]}.
  aha convert Qwen3-0.6B qwen3-0.6b-q4_k.gguf --type q4_k`,
  positionals: ["HF_DIR", "OUT.gguf"],
  options: {
    type: { type: "string", value: "T", help: "number format of the matrices" },
    ...writingOptions,
  },
  run,
};

async function run({ values, positionals }: CommandInput, io: CommandIo): Promise<number> {
  const [path, out] = positionals;
  const given = stringOption(values, "type");
  let type = given === undefined ? undefined : await writableType(given, "--type");
  const { convertCheckpoint, openFolder } = await import("@aha/runtime/convert");
  const folder = await openFolder(path);
  const report = await writeModelFile(
    out,
    values,
    io,
    "Converting",
    readdirSync(path).map((name) => join(path, name)),
    async (sink, options): Promise<WriteModelReport> => {
      const written = await convertCheckpoint(folder, sink, { ...options, type });
      type = written.type;
      return written;
    },
  );
  printReport(report, out, type as string, values, io);
  return 0;
}
