/** The loop of a run: steps, records, guards, checkpoints, going on. Knows no kind of training. */
import { CheckpointError, yieldToHost } from "@aha/runtime/training";
import type { CheckpointFacts } from "./checkpoint.ts";
import type { CheckpointFolder } from "./checkpoint_folder.ts";
import { RUN_FILES, type StepRecord } from "./step_record.ts";
import { FaultyBatchError, type Training } from "./training.ts";

/** Where a run tells of itself. */
export interface RunHooks {
  /** After each step, in order. */
  readonly onStep?: (record: StepRecord) => void | Promise<void>;
  /** What wants looking at, a sentence at a time. */
  readonly onWarning?: (text: string) => void;
  /** Ends the run after the step under way, saved. */
  readonly stop?: AbortSignal;
  /** Ends it at once; what was not saved is lost. */
  readonly signal?: AbortSignal;
}

/** How a run is kept. */
export interface RunLoopOptions extends RunHooks {
  /** Nothing is written without one. */
  readonly folder?: CheckpointFolder;
  /** A checkpoint at least after so many steps; 0: at the end alone. */
  readonly saveSteps: number;
  /** The whole configuration as JSON: a run goes on only under its own. */
  readonly config: string;
  /** Of the backend. */
  readonly numericsId: string;
  /** Whether the folder's checkpoint is gone on from; there must be one. */
  readonly resume: boolean;
  /** Called with the steps of that checkpoint before anything goes on: what was told of later ones is void. */
  readonly onResume?: (steps: number) => void | Promise<void>;
  /** Sees each record; throws to end the run. */
  readonly guard?: (record: StepRecord) => void;
}

/** How a run has ended. */
export interface RunEnd {
  readonly steps: number;
  /** False where `stop` came first. */
  readonly isComplete: boolean;
}

/** Name of the file with the batch of a step whose numbers were not finite. */
export const FAULTY_BATCH = "faulty_batch.json";

/**
 * Runs a training to its end.
 * @throws {CheckpointError} if it shall go on, and there is no checkpoint or one of another run
 * @throws {FaultyBatchError} where numbers are not finite; the batch stands in the folder
 */
export async function runLoop(training: Training, options: RunLoopOptions): Promise<RunEnd> {
  const { folder, saveSteps, stop, signal, resume } = options;
  folder?.prepare();
  if (resume) await goOn(training, options);
  else folder?.expectRoom(training.state);
  let saved = training.steps;
  const save = async () => {
    // What is stopped before its first step is saved too, so that it goes on like any other.
    if (folder && (saved < training.steps || !folder.has(RUN_FILES.checkpoint))) {
      await folder.save(training.state, factsOf(training, options));
    }
    saved = training.steps;
  };
  while (training.steps < training.totalSteps && !stop?.aborted) {
    await takeSteps(training, options);
    // Steps alone would give no timer, no signal and no terminal a turn.
    await yieldToHost(signal);
    if (saveSteps > 0 && training.steps - saved >= saveSteps) await save();
    signal?.throwIfAborted();
  }
  await save();
  return { steps: training.steps, isComplete: training.steps >= training.totalSteps };
}

async function takeSteps(training: Training, options: RunLoopOptions): Promise<void> {
  const { folder, signal, onStep, onWarning, guard } = options;
  try {
    const { records, warnings = [] } = await training.next(signal);
    warnings.forEach((text) => onWarning?.(text));
    for (const record of records) {
      await onStep?.(record);
      guard?.(record);
    }
  } catch (error) {
    if (!(error instanceof FaultyBatchError) || !folder) throw error;
    const { step, samples } = error;
    await folder.write(FAULTY_BATCH, JSON.stringify({ step, samples }, null, 1));
    throw new FaultyBatchError(
      `${error.message}; the batch stands in ${folder.file(FAULTY_BATCH)}`,
      step,
      samples,
      { cause: error },
    );
  }
}

async function goOn(training: Training, options: RunLoopOptions): Promise<void> {
  const { folder, config, numericsId, onResume, onWarning } = options;
  const checkpoint = await folder?.openCheckpoint();
  if (!checkpoint) {
    const where = folder?.path ?? "nowhere";
    throw new CheckpointError(
      `There is no checkpoint in ${where} to go on from: the run ended before its first one, begin anew with another --out or without the folder`,
      where,
    );
  }
  try {
    const { facts } = checkpoint;
    expectSameConfig(facts.config, config, folder?.path ?? "");
    if (facts.numericsId !== numericsId) {
      onWarning?.(
        `the checkpoint was made with ${facts.numericsId}, this is ${numericsId}: the run goes on, but not to the same bits`,
      );
    }
    await checkpoint.restore(training.state);
    training.steps = facts.steps;
    training.tokens = facts.tokens;
    await onResume?.(facts.steps);
  } finally {
    await checkpoint.close();
  }
}

/** @throws {CheckpointError} naming the first value that differs */
function expectSameConfig(stored: string, own: string, where: string): void {
  if (stored === own) return;
  const [before, now] = [JSON.parse(stored), JSON.parse(own)];
  const names = new Set([...Object.keys(before), ...Object.keys(now)]);
  for (const name of names) {
    const [was, is] = [JSON.stringify(before[name]), JSON.stringify(now[name])];
    if (was === is) continue;
    throw new CheckpointError(
      `The run in ${where} began with ${name} ${was ?? "unset"}, it is ${
        is ?? "unset"
      } now: go on under the same configuration, or begin anew with another --out`,
      where,
    );
  }
}

function factsOf({ steps, tokens }: Training, options: RunLoopOptions): CheckpointFacts {
  const { numericsId, config } = options;
  return { steps, tokens, numericsId, config };
}
