/** `aha inspect`: what a model file holds and the memory it needs. Reads the head of the file only. */
import type { MemoryPlan } from "@aha/runtime";
import type { Gguf } from "@aha/runtime/gguf";
import type { Command, CommandInput, CommandIo } from "../../command.ts";
import { type ModelSummary, summarize } from "../../model_summary.ts";
import { flagOption } from "../../options.ts";
import { progressBar } from "../../terminal/progress_bar.ts";
import { countText, printable, sizeText } from "../../terminal/size_text.ts";

/** `aha inspect MODEL [--plan] [--json]`. */
export const command: Command = {
  name: "inspect",
  usage: "inspect MODEL [--plan] [--json]",
  details: `Prints architecture, sizes, number formats, memory, chat template and tensors.
--json prints one document {model, file, sizeBytes, architecture, parameters, types, ..., plan, tensors};
plan is null with a planProblem where this version cannot run the model.
  aha inspect smollm2-135m --plan`,
  positionals: ["MODEL"],
  options: {
    plan: { type: "boolean", help: "only the memory that the model needs" },
    json: { type: "boolean", help: "print one JSON document" },
  },
  run,
};

/** The memory needed, or why it is not known. */
interface Plan {
  readonly plan: MemoryPlan | null;
  readonly planProblem?: string;
}

async function run({ values, positionals }: CommandInput, io: CommandIo): Promise<number> {
  const [model] = positionals;
  const { gguf, sizeBytes } = await open(model, io);
  const plan = await planOf(gguf);
  const planOnly = flagOption(values, "plan");
  if (flagOption(values, "json")) {
    const summary = planOnly ? { file: gguf.sourceName, sizeBytes } : summarize(gguf, sizeBytes);
    io.out(`${JSON.stringify({ model, ...summary, ...plan })}\n`);
    return 0;
  }
  const lines = planOnly ? planLines(plan) : summaryLines(summarize(gguf, sizeBytes), plan);
  io.out(`${lines.map(printable).join("\n")}\n`);
  return 0;
}

async function open(model: string, io: CommandIo): Promise<{ gguf: Gguf; sizeBytes: number }> {
  const { openGguf } = await import("@aha/runtime/gguf");
  const { resolveModel } = await import("@aha/runtime/weights");
  const { signal } = io;
  const bar = progressBar(io);
  const place = await resolveModel(model, {
    signal,
    onProgress: ({ receivedBytes, totalBytes }) =>
      bar.update("Downloading", receivedBytes, totalBytes),
  }).finally(() => bar.stop());
  const { gguf, source } = await openGguf(place, { signal });
  await source.close();
  return { gguf, sizeBytes: source.sizeBytes };
}

async function planOf(gguf: Gguf): Promise<Plan> {
  const { MemoryError, ModelError, planModel, UnsupportedError } = await import("@aha/runtime");
  try {
    return { plan: planModel(gguf).plan };
  } catch (error) {
    const expected = error instanceof UnsupportedError || error instanceof ModelError ||
      error instanceof MemoryError;
    if (!expected) throw error;
    return { plan: null, planProblem: error.message };
  }
}

function summaryLines(summary: ModelSummary, plan: Plan): string[] {
  const { tokenizer, chatTemplate } = summary;
  return [
    ...headLines(summary),
    "",
    "number formats",
    ...summary.types.map(({ type, tensors, parameters, sizeBytes }) =>
      `  ${type.padEnd(8)} ${String(tensors).padStart(5)} tensors  ${
        countText(parameters).padStart(8)
      } weights  ${sizeText(sizeBytes).padStart(10)}  ${
        (100 * sizeBytes / summary.tensorBytes).toFixed(1).padStart(5)
      } %`
    ),
    "",
    ...planLines(plan),
    "",
    `tokenizer      ${
      tokenizer
        ? `${tokenizer.model}${
          tokenizer.pre ? ` (${tokenizer.pre})` : ""
        }, ${tokenizer.tokens} tokens`
        : "none"
    }`,
    `chat template  ${chatTemplate === null ? "none" : `${chatTemplate.length} characters`}`,
    ...(chatTemplate ?? "").split("\n").filter((line) => line !== "").map((line) => `  ${line}`),
    "",
    `tensors        ${summary.tensors.length}`,
    ...summary.tensors.map(({ name, type, shape, sizeBytes }) =>
      `  ${name.padEnd(36)} ${type.padEnd(8)} ${shape.join(" x ").padEnd(20)} ${
        sizeText(sizeBytes)
      }`
    ),
  ];
}

function headLines(summary: ModelSummary): string[] {
  const { architecture, name, layers, width, heads, experts, expertsShared } = summary;
  const { kvHeads, latentRank, nextLayers } = summary;
  const known = (value: number | null) => value === null ? "unknown" : String(value);
  const guessing = nextLayers > 0 ? ` and ${nextLayers} for multi-token prediction` : "";
  const attention = latentRank === null
    ? `${known(kvHeads ?? heads)} KV heads`
    : `latents of ${latentRank}`;
  const lines = [
    `file           ${summary.file}, ${
      sizeText(summary.sizeBytes)
    }, GGUF version ${summary.ggufVersion}`,
    `model          ${name ?? "unnamed"}${summary.licence ? ` (${summary.licence})` : ""}`,
    `architecture   ${architecture ?? "unknown"}: ${known(layers)} layers${guessing}, width ${
      known(width)
    }, ${known(heads)} heads over ${attention}`,
    `parameters     ${countText(summary.parameters)}, ${
      summary.bitsPerWeight.toFixed(2)
    } bits each on average`,
    `context        ${known(summary.contextTokens)} tokens`,
  ];
  if (experts !== null && experts > 0) {
    const shared = expertsShared ? ` and ${expertsShared} shared` : "";
    lines.push(
      `experts        ${experts}${shared}, ${known(summary.expertsUsed)} a token`,
      `active         ${countText(summary.activeParameters)} parameters, ${
        sizeText(summary.bytesPerToken)
      } of weights a token`,
    );
  }
  return lines;
}

function planLines({ plan, planProblem }: Plan): string[] {
  if (plan === null) return [`memory         not known: ${planProblem}`];
  const row = (what: string, sizeBytes: number) =>
    `  ${what.padEnd(28)} ${sizeText(sizeBytes).padStart(10)}`;
  return [
    `memory         ${sizeText(plan.totalBytes)} for a context of ${plan.contextTokens} tokens`,
    row("weights", plan.weightBytes),
    row(`keys and values (${plan.kvType})`, plan.kvBytes),
    row("activations", plan.activationBytes),
    row("the runtime's own", plan.overheadBytes),
  ];
}
