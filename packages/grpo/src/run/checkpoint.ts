/** A training's state as one file of tensors: what is trained, the optimizer's moments, the reference, a checksum. Says nothing of when to save. */
import {
  type ByteSink,
  CheckpointError,
  type GradOps,
  openTensorFile,
  type Tensor,
  type TensorFile,
  type TensorToWrite,
  UnsupportedError,
  type Weight,
  writeSafetensors,
} from "@aha/runtime/training";
import type { AdamWOptimizer } from "../optim/adamw.ts";
import { isMatrix, type ParameterSet } from "../parameters/parameter_set.ts";
import type { NamedParameters } from "@aha/runtime/training";
import { CHECKSUM, hasChecksum, withChecksum } from "./checksum.ts";
import type { RunInputs } from "./run_inputs.ts";

/** A training that can be saved: all that decides how it goes on. */
export interface TrainingState {
  readonly grad: GradOps;
  readonly parameters: ParameterSet;
  readonly optimizer: AdamWOptimizer;
  /** Of the reference model, where it is a copy. */
  readonly reference?: NamedParameters;
  /** What steps change without a gradient: the biases of routers in pre-training. */
  readonly steered?: NamedParameters;
}

/** What a checkpoint says besides its tensors. */
export interface CheckpointFacts {
  /** Steps of the optimizer taken. */
  readonly steps: number;
  /** Tokens seen. */
  readonly tokens: number;
  /** Build of the core and kind of processor: another one may round otherwise. */
  readonly numericsId: string;
  /** The run's whole configuration as JSON; a run goes on only under its own. */
  readonly config: string;
  /** What it was read from: the model below adapters, the rows of files. */
  readonly inputs: RunInputs;
}

const FORMAT = "aha-training-2";

/** Writes a checkpoint; the sink decides where and that it appears whole. */
export async function writeCheckpoint(
  sink: ByteSink,
  state: TrainingState,
  facts: CheckpointFacts,
): Promise<void> {
  const { steps, tokens, numericsId, config, inputs } = facts;
  const metadata = {
    format: FORMAT,
    steps: String(steps),
    tokens: String(tokens),
    optimizer_steps: String(state.optimizer.steps),
    numerics_id: numericsId,
    config,
    inputs: JSON.stringify(inputs),
  };
  await writeSafetensors(sink, withChecksum(tensorsOf(state), metadata), metadata);
}

/** About what a checkpoint takes on a disk. */
export function checkpointBytes(state: TrainingState): number {
  const sizes = tensorsOf(state).map(({ shape }) => shape.reduce((n, size) => n * size, 4));
  return sizes.reduce((sum, bytes) => sum + bytes, 0);
}

/** A checkpoint that is open. */
export interface OpenCheckpoint {
  readonly facts: CheckpointFacts;
  /**
   * Puts its numbers into a training of the same model.
   * @throws {CheckpointError} naming the first parameter that does not fit; nothing is changed then
   */
  restore(state: TrainingState): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens a checkpoint, which is read whole: what it says is believed only where its checksum is right.
 * @throws {CheckpointError} if it is none, or damaged
 * @throws {SourceError} if it cannot be read
 */
export async function openCheckpoint(where: string | Blob): Promise<OpenCheckpoint> {
  const name = where instanceof Blob ? "The checkpoint" : where;
  const file = await openTensorFile(where).catch((error) => {
    const isMalformed = error instanceof CheckpointError || error instanceof UnsupportedError;
    throw isMalformed ? damaged(name, error.message) : error;
  });
  const { metadata } = file;
  const number = (key: string): number => {
    const value = Number(metadata[key] ?? NaN);
    if (Number.isSafeInteger(value) && value >= 0) return value;
    throw new CheckpointError(`${name} says no ${key}`, name);
  };
  try {
    if (metadata.format !== FORMAT) {
      throw new CheckpointError(`${name} is no checkpoint of a training (${FORMAT})`, name);
    }
    if (!await hasChecksum(file)) throw damaged(name, "its checksum does not fit its bytes");
    const { numerics_id: numericsId = "", config = "{}" } = metadata;
    const inputs: RunInputs = JSON.parse(metadata.inputs ?? "{}");
    const facts = { steps: number("steps"), tokens: number("tokens"), numericsId, config, inputs };
    const optimizerSteps = number("optimizer_steps");
    return {
      facts,
      restore: (state) => restore(file, name, state, optimizerSteps),
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

function damaged(name: string, how: string): CheckpointError {
  return new CheckpointError(
    `${name} is damaged: ${how}; put a copy of it back, or begin anew with another --out`,
    name,
  );
}

async function restore(
  file: TensorFile,
  name: string,
  state: TrainingState,
  optimizerSteps: number,
): Promise<void> {
  const { grad, parameters, optimizer, reference, steered } = state;
  checkTensors(file, name, tensorsOf(state));
  for (const { name: own, parameter } of parameters.all) {
    grad.writeParameter(parameter, await file.read(own));
  }
  for (const [own, parameter] of reference ?? []) {
    grad.writeParameter(parameter, await file.read(`reference.${own}`));
  }
  for (const [own, parameter] of steered ?? []) {
    grad.writeParameter(parameter, await file.read(own));
  }
  const moments = new Map<string, Float32Array>();
  for (const own of optimizer.moments.keys()) moments.set(own, await file.read(own));
  optimizer.restore(optimizerSteps, moments);
}

function checkTensors(file: TensorFile, name: string, wanted: readonly TensorToWrite[]): void {
  for (const { name: own, shape } of wanted) {
    const stored = file.shapes.get(own);
    if (`${stored}` === `${shape}`) continue;
    const has = stored ? `has it as [${stored}]` : "does not have it";
    throw new CheckpointError(
      `${name} is of another model or of other settings: ${own} is [${shape}] here, the checkpoint ${has}`,
      name,
    );
  }
  const known = new Set([...wanted.map(({ name: own }) => own), CHECKSUM]);
  if (file.shapes.size === known.size) return;
  const [extra] = [...file.shapes.keys()].filter((own) => !known.has(own));
  throw new CheckpointError(
    `${name} is of another model or of other settings: it has ${extra}, which is not trained here`,
    name,
  );
}

function tensorsOf(
  { grad, parameters, optimizer, reference, steered }: TrainingState,
): TensorToWrite[] {
  const all = parameters.all.map(({ name, parameter }) => [name, parameter] as const);
  const copies = [...reference ?? []].map(([name, one]) => [`reference.${name}`, one] as const);
  return [
    ...[...all, ...copies, ...steered ?? []].map(([name, parameter]) => ({
      name,
      shape: shapeOf(parameter),
      values: () => grad.readParameter(parameter),
    })),
    ...[...optimizer.moments].map(([name, gradient]) => ({
      name,
      shape: gradient.shape,
      values: () => grad.readGradient(gradient),
    })),
  ];
}

function shapeOf(parameter: Weight | Tensor): readonly number[] {
  return isMatrix(parameter) ? [parameter.rows, parameter.cols] : parameter.shape;
}
