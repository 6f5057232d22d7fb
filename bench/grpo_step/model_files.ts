/** The benchmark's model as a GGUF file and as a Hugging Face folder of the same weights. Trains nothing. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type ModelShape, nanoTokenizer, newModel, SHAPES } from "@aha/grpo";
import { openFileSink } from "@aha/runtime/gguf";
import { openTrainable, type TrainableModel } from "@aha/runtime/training";
import { writeSafetensors } from "../../packages/runtime/src/convert/checkpoint/safetensors_writer.ts";
import { hfTensors } from "../../packages/runtime/src/lora/targets.ts";

/** Where they are. */
export interface ModelFiles {
  readonly file: string;
  readonly folder: string;
}

const SEED = 1;

/** Writes both into a folder. No token ends a text, so that all completions have full length. */
export async function writeModelFiles(
  where: string,
  shape: ModelShape = SHAPES.nano,
): Promise<ModelFiles> {
  const tokenizer = nanoTokenizer();
  const entries = tokenizer.entries.filter(([key]) => key !== "tokenizer.ggml.eos_token_id");
  const blob = await newModel(shape, { ...tokenizer, entries }, SEED);
  const [file, folder] = [join(where, "model.gguf"), join(where, "model")];
  writeFileSync(file, new Uint8Array(await blob.arrayBuffer()));
  const model = await openTrainable(blob);
  try {
    await writeLlamaFolder(model, folder);
  } finally {
    await model.close();
  }
  return { file, folder };
}

/** Writes `config.json` and `model.safetensors` of a llama model of F32 weights. */
export async function writeLlamaFolder(model: TrainableModel, folder: string): Promise<void> {
  const { config } = model.model;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "config.json"), JSON.stringify(llamaConfig(model)));
  const sink = await openFileSink(join(folder, "model.safetensors"));
  const tensors = [...hfTensors(config)].map(([name, { name: stored, shape, layout }]) => ({
    ...{ name, shape },
    values: async () => {
      const parameter = model.parameters.get(stored)!;
      const numbers = await model.backend.grad.readParameter(parameter);
      return layout?.kind === "interleaved"
        ? halvedRows(numbers, layout.headSize, shape[1])
        : numbers;
    },
  }));
  await writeSafetensors(sink, tensors, { format: "pt" });
  sink.commit();
}

/** Rows of whole heads, whose neighbours rotate together, as Hugging Face has them: those of even number, then the others. */
export function halvedRows(
  numbers: Float32Array,
  headSize: number,
  cols: number,
): Float32Array {
  const halved = new Float32Array(numbers.length);
  for (let row = 0; row < numbers.length / cols; row++) {
    const place = row % headSize;
    const to = row - place + (place % 2) * headSize / 2 + (place >> 1);
    halved.set(numbers.subarray(row * cols, (row + 1) * cols), to * cols);
  }
  return halved;
}

function llamaConfig({ model: { config } }: TrainableModel): object {
  return {
    architectures: ["LlamaForCausalLM"],
    model_type: "llama",
    vocab_size: config.vocabulary,
    hidden_size: config.width,
    num_hidden_layers: config.layers,
    num_attention_heads: config.heads,
    num_key_value_heads: config.kvHeads,
    intermediate_size: config.hidden,
    max_position_embeddings: config.contextTokens,
    rms_norm_eps: config.normEpsilon,
    rope_theta: config.ropeBase,
    tie_word_embeddings: false,
    torch_dtype: "float32",
    bos_token_id: null,
    eos_token_id: null,
  };
}
