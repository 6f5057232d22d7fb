/** Rate of the core's own f32 products of many rows, forward and backward: what a training step is measured against. Runs no model. */
import type { CoreVariant } from "../../packages/runtime/src/backend/wasm/core.ts";
import { BenchCore } from "../kernels/bench_core.ts";
import type { Prepared } from "../kernels/kernel_case.ts";
import { type ClockName, secondsBy } from "./clock.ts";
import { inputGradientCase, linearCase, weightGradientCase } from "../kernels/linear_cases.ts";

const SHAPE = { cols: 512, outputs: 512 };
const ROWS = 1536;
/** Calls of one sample. */
const CALLS = 8;

/** Operations a second. */
export interface ProductRates {
  /** x W^T, d W and d^T x of 1536 rows and 512 x 512 weights. */
  readonly forward: number;
  readonly byInput: number;
  readonly byWeight: number;
}

/** Products that wait to be run. Close it. */
export class ProductRate {
  private constructor(
    private readonly core: BenchCore,
    private readonly cases: readonly Prepared[],
  ) {}

  static async start(variant: CoreVariant, threads: number): Promise<ProductRate> {
    const core = await BenchCore.start(variant, threads);
    const all = [
      linearCase("F32", SHAPE, ROWS, 1),
      inputGradientCase("F32", SHAPE, ROWS),
      weightGradientCase(SHAPE, ROWS),
    ];
    const rate = new ProductRate(core, all.map((one) => one.prepare(core)));
    rate.sample("wall"); // cold code
    return rate;
  }

  sample(clock: ClockName): ProductRates {
    const [forward, byInput, byWeight] = this.cases.map((one) => {
      one.run(0); // helpers are awake then
      const start = secondsBy(clock);
      for (let call = 0; call < CALLS; call++) one.run(0);
      const seconds = secondsBy(clock) - start;
      return 2 * ROWS * SHAPE.cols * SHAPE.outputs * CALLS / seconds;
    });
    return { forward, byInput, byWeight };
  }

  close(): void {
    this.core.close();
  }
}
