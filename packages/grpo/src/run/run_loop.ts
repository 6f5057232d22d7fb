/** The loop of a run: steps, records, guards, checkpoints, going on. Knows no kind of training. */
import { CheckpointError, yieldToHost } from "@aha/runtime/training";
import type { CheckpointFacts } from "./checkpoint.ts";
import type { CheckpointFolder } from "./checkpoint_folder.ts";
import { expectSameInputs, type RunInputs } from "./run_inputs.ts";
import { RUN_FILES, type StepRecord } from "./step_record.ts";
import { FaultyBatchError, type Training } from "./training.ts";

/** Where a run tells of itself. */
export interface RunHooks {
  /** After each step, in order. */
  readonly onStep?: (record: StepRecord) => void | Promise<void>;
  /** What wants looking at, a sentence at a time. */
  readonly onWarning?: (text: string) => void;
  /** Ends the run, saved as of its last whole step: one that is under way is dropped. */
  readonly stop?: AbortSignal;
}

/** How a run is kept. */
export interface RunLoopOptions extends RunHooks {
  /** Nothing is written without one. */
  readonly folder?: CheckpointFolder;
  /** A checkpoint at least after so many steps; 0: at the end alone. */
  readonly saveSteps: number;
  /** The whole configuration as JSON: a run goes on only under its own. */
  readonly config: string;
  /** Values of it that may be others when the run goes on: a warning tells of them. */
  readonly changeable?: ReadonlySet<string>;
  /** Hashes of what the run reads besides its data: it goes on only over the same. */
  readonly inputs?: RunInputs;
  /** Of the backend. */
  readonly numericsId: string;
  /** Whether the folder's checkpoint is gone on from; there must be one. */
  readonly resume: boolean;
  /** Called with the steps of that checkpoint before anything goes on: what was told of later ones is void. */
  readonly onResume?: (steps: number) => void | Promise<void>;
  /** Sees each record; throws to end the run, which is saved first. */
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
 * @throws what the guard throws; the run is saved then
 */
export async function runLoop(training: Training, options: RunLoopOptions): Promise<RunEnd> {
  const { folder, saveSteps, stop, resume } = options;
  folder?.prepare();
  const own = { ...options.inputs, ...training.inputs?.() };
  if (resume) await goOn(training, own, options);
  else folder?.expectRoom(training.state);
  let saved = training.steps;
  const save = async () => {
    // What is stopped before its first step is saved too, so that it goes on like any other.
    if (folder && (saved < training.steps || !folder.has(RUN_FILES.checkpoint))) {
      await folder.save(training.state, factsOf(training, own, options));
    }
    saved = training.steps;
  };
  const isGoing = () => training.steps < training.totalSteps && !stop?.aborted;
  if (isGoing()) await untilStopped(training, stop, () => training.reserve?.(stop));
  while (isGoing()) {
    const fault = await untilStopped(training, stop, () => takeSteps(training, options));
    // Steps alone would give no timer, no signal and no terminal a turn.
    await yieldToHost();
    if (fault || saveSteps > 0 && training.steps - saved >= saveSteps) await save();
    if (fault) throw fault.error;
  }
  await save();
  return { steps: training.steps, isComplete: training.steps >= training.totalSteps };
}

/** Nothing, where `stop` has ended it: the training is as of its last whole step then. */
async function untilStopped<Result>(
  { state }: Training,
  stop: AbortSignal | undefined,
  run: () => Promise<Result> | undefined,
): Promise<Result | undefined> {
  try {
    return await run();
  } catch (error) {
    if (!stop?.aborted || error !== stop.reason) throw error;
    state.parameters.zero();
    return undefined;
  }
}

/** What the guard has thrown, when all steps that were taken have been told. */
interface GuardFault {
  readonly error: unknown;
}

async function takeSteps(
  training: Training,
  options: RunLoopOptions,
): Promise<GuardFault | undefined> {
  const { folder, stop, onStep, onWarning, guard } = options;
  let fault: GuardFault | undefined;
  try {
    const { records, warnings = [] } = await training.next(stop);
    warnings.forEach((text) => onWarning?.(text));
    for (const record of records) {
      await onStep?.(record);
      try {
        if (!fault) guard?.(record);
      } catch (error) {
        fault = { error };
      }
    }
    return fault;
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

async function goOn(
  training: Training,
  own: RunInputs,
  { folder, config, changeable, numericsId, onResume, onWarning }: RunLoopOptions,
): Promise<void> {
  if (!folder) throw new TypeError("A run without a folder cannot be gone on with");
  const checkpoint = await folder.openCheckpoint();
  try {
    const { facts } = checkpoint;
    const changes = configChanges(facts.config, config);
    expectChangeable(changes, changeable, folder.path);
    expectSameInputs(facts.inputs, own, folder.path);
    await checkpoint.restore(training.state);
    training.steps = facts.steps;
    training.tokens = facts.tokens;
    await onResume?.(facts.steps);
    for (const { name, was, is } of changes) {
      onWarning?.(`the run began with ${name} ${was}, it goes on from here with ${is}`);
    }
    if (facts.numericsId !== numericsId) {
      onWarning?.(
        `the checkpoint was made with ${facts.numericsId}, this is ${numericsId}: the run goes on, but not to the same bits`,
      );
    }
  } finally {
    await checkpoint.close();
  }
}

/** A value that is another one now, as JSON. */
interface ConfigChange {
  readonly name: string;
  readonly was: string;
  readonly is: string;
}

function configChanges(stored: string, own: string): ConfigChange[] {
  const [before, now] = [JSON.parse(stored), JSON.parse(own)];
  const text = (value: unknown) => JSON.stringify(value) ?? "unset";
  return [...new Set([...Object.keys(before), ...Object.keys(now)])]
    .map((name) => ({ name, was: text(before[name]), is: text(now[name]) }))
    .filter(({ was, is }) => was !== is);
}

/** @throws {CheckpointError} naming the first value that must be as it was */
function expectChangeable(
  changes: readonly ConfigChange[],
  changeable: ReadonlySet<string> = new Set(),
  where: string,
): void {
  const fixed = changes.find(({ name }) => !changeable.has(name));
  if (!fixed) return;
  throw new CheckpointError(
    `The run in ${where} began with ${fixed.name} ${fixed.was}, it is ${fixed.is} now: go on with what it was, or begin anew with another --out`,
    where,
  );
}

function factsOf(
  { steps, tokens }: Training,
  inputs: RunInputs,
  { numericsId, config }: RunLoopOptions,
): CheckpointFacts {
  return { steps, tokens, numericsId, config, inputs };
}
