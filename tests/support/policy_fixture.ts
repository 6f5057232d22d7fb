/** GRPO reference files and the scores of their completions by the runtime's own forward pass. No loss and no comparison. */
import { fixturePath } from "./fixture.ts";
import { FixtureModel } from "./fixture_model.ts";
import { logSoftmax } from "./tolerance.ts";

/** A padded batch as TRL has it: prompts padded on the left, completions on the right `[B][T]`. */
export interface FixtureBatch {
  readonly prompt_ids: readonly (readonly number[])[];
  readonly prompt_mask: readonly (readonly number[])[];
  readonly completion_ids: readonly (readonly number[])[];
  readonly completion_mask: readonly (readonly number[])[];
  readonly advantages: readonly number[];
  readonly num_items_in_batch: number;
  readonly old_per_token_logps?: readonly (readonly number[])[];
  readonly ref_per_token_logps: readonly (readonly number[])[];
  readonly expected_per_token_logps?: readonly (readonly number[])[];
  readonly expected_entropy?: readonly (readonly number[])[];
}

/** A token of a completion, as the model saw it. */
export interface ScoredToken {
  readonly row: number;
  readonly position: number;
  readonly id: number;
  /** softmax(logits / temperature) `[V]` */
  readonly probabilities: Float64Array;
  /** After the last norm `[C]`. */
  readonly hidden: Float32Array;
}

/** Log-probabilities and entropies `[B][T]`, 0 where masked, and the tokens behind them. */
export interface ScoredBatch {
  readonly logps: number[][];
  readonly entropies: number[][];
  readonly tokens: ScoredToken[];
}

/** The F32 model of a reference file. */
export async function policyModel(name: string): Promise<FixtureModel> {
  return await FixtureModel.open(fixturePath(`models/${name}/gguf/model-F32.gguf`));
}

/** Runs each row's prompt and completion, without padding, and keeps what its tokens got. */
export async function scoreBatch(
  model: FixtureModel,
  batch: FixtureBatch,
  temperature: number,
): Promise<ScoredBatch> {
  const { vocabulary, width } = model.model.config;
  const zeros = () => batch.completion_mask.map((row) => row.map(() => 0));
  const scored: ScoredBatch = { logps: zeros(), entropies: zeros(), tokens: [] };
  for (const row of batch.completion_mask.keys()) {
    const prompt = kept(batch.prompt_ids[row], batch.prompt_mask[row]);
    const completion = kept(batch.completion_ids[row], batch.completion_mask[row]);
    if (completion.length === 0) continue;
    let normed: Promise<Float32Array> | undefined;
    const logits = await model.logits([...prompt, ...completion], true, {
      hidden: (name, tensor) => {
        if (name === "norm") normed = model.backend.ops.read(tensor);
      },
    });
    const hidden = await normed ?? new Float32Array();
    completion.forEach((id, position) => {
      const at = prompt.length + position - 1;
      const raw = logits.subarray(at * vocabulary, (at + 1) * vocabulary);
      const logProbabilities = logSoftmax(Float64Array.from(raw, (logit) => logit / temperature));
      const probabilities = logProbabilities.map(Math.exp);
      scored.logps[row][position] = logProbabilities[id];
      scored.entropies[row][position] = -probabilities.reduce(
        (sum, probability, v) => sum + probability * logProbabilities[v],
        0,
      );
      const state = hidden.slice(at * width, (at + 1) * width);
      scored.tokens.push({ row, position, id, probabilities, hidden: state });
    });
  }
  return scored;
}

function kept(ids: readonly number[], mask: readonly number[]): number[] {
  return ids.filter((_, at) => mask[at] === 1);
}
