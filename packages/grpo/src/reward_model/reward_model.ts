/** Reward models that have been trained: saved, loaded, asked for scores. Trains none. */
import type { ChatMessage } from "@aha/runtime";
import {
  type ByteSink,
  CheckpointError,
  openTensorFile,
  openTrainable,
  type TrainableModel,
  type TrainableOptions,
  writeSafetensors,
} from "@aha/runtime/training";
import { isMatrix } from "../parameters/parameter_set.ts";
import type { ScalarRewardModel } from "../rewards/builtin/reward_model.ts";
import { promptIds } from "../trainer/questions.ts";
import { type ScoredParts, type ScoredPolicy, scoredPolicy, scoresOver } from "./scored_policy.ts";

const FORMAT = "aha-reward-model-1";
/** Sequences that are scored at once. */
const SCORED_AT_ONCE = 16;

/** A prompt with an answer and its end, as a reward model reads it. @throws {RangeError} beyond the context */
export function answerSequence(
  { tokenizer, model: { config } }: TrainableModel,
  prompt: string | readonly ChatMessage[],
  answer: string,
): number[] {
  const { eosId } = tokenizer;
  const end = eosId === undefined ? [] : [eosId];
  const ids = [...promptIds(tokenizer, prompt), ...tokenizer.encode(answer), ...end];
  if (ids.length <= config.contextTokens) return ids;
  throw new RangeError(
    `A prompt with its answer has ${ids.length} tokens, the reward model's context ${config.contextTokens}`,
  );
}

/** Writes what was trained: the head, and adapters or all of the model; `policy.model.name` says what it belongs to. */
export async function writeRewardModel(sink: ByteSink, policy: ScoredPolicy): Promise<void> {
  const { parameters, model, parts } = policy;
  const tensors = parameters.all.map(({ name, parameter }) => ({
    name,
    shape: isMatrix(parameter) ? [parameter.rows, parameter.cols] : parameter.shape,
    values: () => model.backend.grad.readParameter(parameter),
  }));
  const metadata = { format: FORMAT, model: model.name, parts: JSON.stringify(parts) };
  await writeSafetensors(sink, tensors, metadata);
}

/** A reward model in memory; close it. */
export interface LoadedRewardModel extends ScalarRewardModel {
  close(): Promise<void>;
}

/**
 * Loads a reward model with the model that it belongs to, by default the one that its file names.
 * @throws {CheckpointError} if the file is no reward model's, or is for another model
 * @throws what `openTrainable` throws
 */
export async function loadRewardModel(
  where: string | Blob,
  options: TrainableOptions & { readonly model?: string } = {},
): Promise<LoadedRewardModel> {
  const name = where instanceof Blob ? "The file" : where;
  const file = await openTensorFile(where);
  try {
    const { format, model: base = "", parts = '"head"' } = file.metadata;
    if (format !== FORMAT) {
      throw new CheckpointError(`${name} is no reward model (${FORMAT})`, name);
    }
    const latentForm = "naive";
    const model = await openTrainable(options.model ?? base, { latentForm, ...options });
    try {
      const policy = await scoredPolicy(model, JSON.parse(parts) as ScoredParts);
      const { parameters } = policy;
      for (const { name: own, parameter } of parameters.all) {
        const shape = isMatrix(parameter) ? [parameter.rows, parameter.cols] : parameter.shape;
        const stored = file.shapes.get(own);
        if (`${stored}` !== `${shape}`) {
          throw new CheckpointError(
            `${name} is for another model: ${own} is [${shape}] here, the file has [${
              stored ?? ""
            }]`,
            name,
          );
        }
        model.backend.grad.writeParameter(parameter, await file.read(own));
      }
      return rewardModelOf(policy);
    } catch (error) {
      await model.close();
      throw error;
    }
  } finally {
    await file.close();
  }
}

/** Scores by a policy with a head; what is trained of it counts at once. */
export function rewardModelOf(policy: ScoredPolicy): LoadedRewardModel {
  const { model } = policy;
  return {
    async score(prompts, answers, { signal }) {
      const sequences = answers.map((answer, i) => answerSequence(model, prompts[i], answer));
      const scores: number[] = [];
      for (let start = 0; start < sequences.length; start += SCORED_AT_ONCE) {
        signal.throwIfAborted();
        const part = sequences.slice(start, start + SCORED_AT_ONCE);
        const read = () => {
          using _pass = model.backend.ops.scope();
          return model.backend.ops.read(scoresOver(model.backend, policy, part));
        };
        scores.push(...await read());
      }
      return scores;
    },
    close: () => model.close(),
  };
}
