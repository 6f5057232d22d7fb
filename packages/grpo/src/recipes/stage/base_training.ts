/** Pre-training as a stage: documents, the gate on the completion loss, more steps where it is not reached. */
import { newModel } from "../../model/new_model.ts";
import { nanoTokenizer } from "../../model/nano_tokenizer.ts";
import { type Policy, policyNetwork } from "../../policy/policy.ts";
import { tokenLogps } from "../../policy/token_pass.ts";
import { PretrainTrainer } from "../../pretrain/pretrain.ts";
import type { TrainingState } from "../../run/checkpoint.ts";
import type { Training, TrainingSteps } from "../../run/training.ts";
import { type NanoDocument, type NanoDocumentOptions, nanoDocuments } from "../../tasks/mod.ts";
import type { PretrainStageSettings } from "../settings/settings.ts";
import { FIXED_ROWS, fixedValues } from "../settings/settings_table.ts";
import { GateError } from "./gates.ts";
import { folderOf, type Lab, seedOf, type StageName, tell, withPolicy } from "./lab.ts";
import { rowOf, type TraceRow } from "./sft_training.ts";
import { exportStage, runTraining } from "./training_run.ts";

/** Documents that are written down to be looked at; the others follow from the seed. */
const SHOWN_DOCUMENTS = 200;
/** Documents of the held-out side that the gate looks at. */
const GATE_DOCUMENTS = 512;

/**
 * Makes a model from nothing and trains it until the gate opens.
 * @throws {GateError} where it has not by `mostSteps`
 */
export async function trainBase(
  lab: Lab,
  stage: StageName,
  settings: PretrainStageSettings,
): Promise<void> {
  const seed = seedOf(lab, stage);
  const { languages, levels } = lab.settings;
  const { tasks, thoughtShare, taggedShare, shape, completionLossLimit: limit, mostSteps } =
    settings;
  const kinds = { seed, tasks, thoughtShare, taggedShare, languages, levels };
  const { document } = nanoDocuments(kinds);
  await folderOf(lab, stage).rows(() => Promise.resolve(shownRows(document)));
  await withPolicy(lab, await newModel(shape, nanoTokenizer(), seed), async (policy) => {
    const training = new BaseTraining(policy, settings, document);
    try {
      while (true) {
        await runTraining(lab, stage, policy, training);
        const loss = await heldOutLoss(policy, kinds);
        const reached = `completion loss ${loss.toFixed(3)} at step ${training.steps}`;
        if (loss <= limit) {
          tell(lab, stage, `${reached}: the gate of ${limit} is open`);
          break;
        }
        if (training.steps >= mostSteps) {
          const advice = "RL would amplify nothing. Take another --seed, or a larger model";
          throw new GateError(`${reached}, above the gate of ${limit} after all steps: ${advice}`);
        }
        training.goOn();
        tell(lab, stage, `${reached} is above the gate of ${limit}: on to ${training.totalSteps}`);
      }
      await exportStage(lab, stage, policy);
    } finally {
      training.free();
    }
  });
}

/** A pre-training that ends with each of its schedules. */
class BaseTraining implements Training {
  readonly #trainer: PretrainTrainer;
  #goal: number;

  constructor(
    policy: Policy,
    private readonly settings: PretrainStageSettings,
    documents: (index: number) => NanoDocument,
  ) {
    const { steps, batchDocuments, learningRate, warmupSteps, restartSteps } = settings;
    const { multiTokenWeight, ...fixed } = fixedValues(FIXED_ROWS.pretraining);
    const { shape } = settings;
    const config = {
      ...{ steps, batchDocuments, learningRate, warmupSteps, restartSteps, ...fixed },
      ...(shape.architecture === "deepseek2" && shape.multiToken ? { multiTokenWeight } : {}),
    };
    this.#trainer = new PretrainTrainer(policy, config, documents);
    this.#goal = steps;
  }

  get steps(): number {
    return this.#trainer.steps;
  }

  /** Set where it goes on: a step within a later schedule belongs to that. */
  set steps(steps: number) {
    this.#trainer.steps = steps;
    while (this.#goal < steps) this.goOn();
  }

  get tokens(): number {
    return this.#trainer.tokens;
  }

  set tokens(tokens: number) {
    this.#trainer.tokens = tokens;
  }

  get totalSteps(): number {
    return this.#goal;
  }

  get state(): TrainingState {
    return this.#trainer.state;
  }

  /** One more schedule. */
  goOn(): void {
    const { restartSteps, mostSteps } = this.settings;
    this.#goal = Math.min(this.#goal + restartSteps, Math.max(mostSteps, this.#goal + 1));
  }

  async next(signal?: AbortSignal): Promise<TrainingSteps> {
    const record = await this.#trainer.step(signal);
    return { records: [{ ...record, totalSteps: this.#goal }] };
  }

  free(): void {
    this.#trainer.free();
  }
}

/** Mean loss of the completions' tokens over held-out documents, nats. */
async function heldOutLoss(policy: Policy, kinds: NanoDocumentOptions): Promise<number> {
  const { document } = nanoDocuments({ ...kinds, split: "test" });
  const documents = Array.from({ length: GATE_DOCUMENTS }, (_, i) => document(i));
  const sequences = documents.map(({ ids, promptLength }) => ({
    ids,
    mask: new Uint8Array(ids.length).fill(1, promptLength),
  }));
  const { logps } = await tokenLogps(policyNetwork(policy), sequences);
  const tokens = logps.reduce((count, own) => count + own.length, 0);
  const sum = logps.reduce((all, own) => own.reduce((total, logp) => total + logp, all), 0);
  return -sum / tokens;
}

function shownRows(document: (index: number) => NanoDocument): TraceRow[] {
  return Array.from({ length: SHOWN_DOCUMENTS }, (_, i) => rowOf(document(i)));
}
