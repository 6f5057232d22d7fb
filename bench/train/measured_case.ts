/** One trained shape measured in turns: its steps, the core's own products, PyTorch's steps. Prints nothing. */
import type { CoreVariant } from "../../packages/runtime/src/backend/wasm/core.ts";
import { spreadOf } from "../spread.ts";
import { type ClockName, secondsBy } from "./clock.ts";
import { ProductRate, type ProductRates } from "./product_rate.ts";
import { randomModel } from "./random_model.ts";
import { startTorch, type TorchVersion } from "./torch_peer.ts";
import { tokenOperations, type TrainedShape } from "./trained_shape.ts";
import { trainBackend } from "./train_backend.ts";
import { TrainingRun } from "./training_run.ts";

/** Steps of one turn take about so long, if one does not take longer. */
const TURN_SECONDS = 1;

/** How cases are measured. */
export interface CaseSettings {
  readonly threads: number;
  readonly repeats: number;
  /** Sequences that pass together. */
  readonly together: number;
  readonly variant: CoreVariant;
  readonly clock: ClockName;
  /** A Python that has PyTorch; none where there is no peer. */
  readonly python?: string;
}

/** One turn: tokens a second, and operations a second. */
interface Turn {
  readonly tokensPerSecond: number;
  readonly products: ProductRates;
  readonly torchTokensPerSecond?: number;
}

/** What was measured of a shape. */
export interface MeasuredCase {
  readonly name: string;
  readonly threads: number;
  readonly clock: ClockName;
  readonly together: number;
  readonly operationsPerToken: number;
  readonly turns: readonly Turn[];
  /** Medians over turns; the ratios are those of neighbours. */
  readonly tokensPerSecond: number;
  readonly operationsPerSecond: number;
  readonly ofProducts: number;
  readonly torchTokensPerSecond?: number;
  readonly ofTorch?: number;
  readonly torch?: TorchVersion;
  /** Memory of the core after the steps. */
  readonly memoryBytes: number;
}

const median = (values: readonly number[]): number => spreadOf(values)?.median ?? NaN;

/** The fastest of the products. */
export const fastest = ({ forward, byInput, byWeight }: ProductRates): number =>
  Math.max(forward, byInput, byWeight);

/** Measures a shape. */
export async function measureCase(
  shape: TrainedShape,
  settings: CaseSettings,
): Promise<MeasuredCase> {
  const { threads, together, variant, python, repeats, clock } = settings;
  const backend = await trainBackend(threads, variant);
  const run = await TrainingRun.open(backend, await randomModel(shape), { ...shape, together });
  const products = await ProductRate.start(variant, threads);
  // The peer knows dense models only.
  const torch = python && !shape.mixture ? await startTorch(python, shape, threads) : undefined;
  try {
    await run.step(); // cold code
    const [warm] = await secondsOf(run, 1, clock);
    const count = Math.max(1, Math.round(TURN_SECONDS / warm));
    await torch?.steps(1, clock);
    const turns: Turn[] = [];
    for (let repeat = 0; repeat < repeats; repeat++) {
      const before = products.sample(clock);
      const tokensPerSecond = run.tokens / median(await secondsOf(run, count, clock));
      const torchSeconds = await torch?.steps(count, clock);
      turns.push({
        ...{ tokensPerSecond, products: before },
        torchTokensPerSecond: torchSeconds && run.tokens / median(torchSeconds),
      });
    }
    return summary(shape, settings, turns, run.memoryBytes(), torch?.version);
  } finally {
    torch?.close();
    products.close();
    await run.close();
  }
}

async function secondsOf(
  run: TrainingRun,
  count: number,
  clock: ClockName,
): Promise<number[]> {
  const seconds: number[] = [];
  for (let step = 0; step < count; step++) {
    const start = secondsBy(clock);
    const loss = await run.step();
    seconds.push(secondsBy(clock) - start);
    if (!Number.isFinite(loss)) throw new RangeError(`The loss is ${loss}`);
  }
  return seconds;
}

function summary(
  shape: TrainedShape,
  { threads, together, clock }: CaseSettings,
  turns: readonly Turn[],
  memoryBytes: number,
  torch?: TorchVersion,
): MeasuredCase {
  const operationsPerToken = tokenOperations(shape);
  const tokensPerSecond = median(turns.map((turn) => turn.tokensPerSecond));
  const of = (turn: Turn) => turn.tokensPerSecond * operationsPerToken / fastest(turn.products);
  const peers = turns.flatMap(({ torchTokensPerSecond: one, tokensPerSecond }) =>
    one ? [{ one, ratio: tokensPerSecond / one }] : []
  );
  return {
    ...{ name: shape.name, threads, clock, together, operationsPerToken, turns, tokensPerSecond },
    operationsPerSecond: tokensPerSecond * operationsPerToken,
    ofProducts: median(turns.map(of)),
    ...peers.length > 0
      ? {
        torchTokensPerSecond: median(peers.map(({ one }) => one)),
        ofTorch: median(peers.map(({ ratio }) => ratio)),
        torch,
      }
      : {},
    memoryBytes,
  };
}
