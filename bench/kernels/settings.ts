/** The words of `deno task bench:kernels`. Runs nothing. */
import { parseArgs } from "node:util";
import { type CoreVariant, VARIANTS } from "../../packages/runtime/src/backend/wasm/core.ts";
import type { MatrixShape } from "./linear_cases.ts";
import { packedType, WEIGHT_FORMATS } from "./random_rows.ts";

/** What may be named by `--kernels`. */
export const KERNELS = [
  "linear",
  "gradient",
  "experts",
  "attend",
  "latent",
  "layer",
  "head",
] as const;

export const USAGE = `deno task bench:kernels [--kernels ${KERNELS.join()}] [--formats Q4_0,...]
  [--shapes COLSxOUTPUTS,...] [--rows 1,4,8,512] [--threads 1,2] [--build ${VARIANTS.join("|")}]
  [--core FOLDER] [--repeat 5] [--set-mb 98] [--save]
--core: builds of another folder take turns with the ordinary ones; "ratio" is how often as fast they are.
--set-mb: megabytes (10^6) of weights that are gone through. --save: JSON to bench/results.`;

/** What is measured. */
export interface KernelSettings {
  readonly kernels: readonly string[];
  readonly formats: readonly string[];
  readonly shapes: readonly MatrixShape[];
  readonly rows: readonly number[];
  readonly threads: readonly number[];
  readonly build: CoreVariant;
  /** A folder with other builds, or none. */
  readonly core?: string;
  readonly repeats: number;
  readonly setBytes: number;
  readonly isSaved: boolean;
}

/** SmolLM2-135M's: attention's, the feed-forward's two, the head; then a large one. */
const SHAPES = "576x576,576x1536,1536x576,576x49152,4096x4096";

/** Reads the words of the command; throws with what is wrong. */
export function readSettings(words: readonly string[]): KernelSettings {
  const text = (value: string) => ({ type: "string", default: value }) as const;
  const { values } = parseArgs({
    args: [...words],
    options: {
      kernels: text(KERNELS.join()),
      formats: text(WEIGHT_FORMATS.join()),
      ...{ shapes: text(SHAPES), rows: text("1,4,8,512"), threads: { type: "string" } },
      ...{ build: text(VARIANTS[0]), core: { type: "string" }, repeat: text("5") },
      ...{ "set-mb": text("98"), save: { type: "boolean", default: false } },
    },
  });
  const count = (option: string, word: string): number => {
    if (/^[1-9]\d{0,5}$/.test(word)) return Number(word);
    throw new RangeError(`--${option} is ${JSON.stringify(word)}, not a whole number from 1 on`);
  };
  const counts = (option: "rows" | "threads", text: string) =>
    text.split(",").map((word) => count(option, word));
  const oneOf = <T extends string>(option: string, word: string, known: readonly T[]): T => {
    const found = known.find((one) => one === word);
    if (found) return found;
    throw new RangeError(
      `--${option} names ${JSON.stringify(word)}, known are ${known.join(", ")}`,
    );
  };
  const formats = values.formats.toUpperCase().split(",");
  formats.forEach(packedType);
  const build = oneOf("build", values.build, VARIANTS);
  return {
    kernels: values.kernels.split(",").map((word) => oneOf("kernels", word, KERNELS)),
    ...{
      formats,
      build,
      core: values.core,
      isSaved: values.save,
      rows: counts("rows", values.rows),
    },
    shapes: values.shapes.split(",").map(shapeOf),
    threads: counts("threads", values.threads ?? (build === "simd" ? "1" : "1,2")),
    repeats: count("repeat", values.repeat),
    setBytes: 1e6 * count("set-mb", values["set-mb"]),
  };
}

function shapeOf(word: string): MatrixShape {
  const [, cols, outputs] = /^(\d{1,6})x(\d{1,6})$/.exec(word) ?? [];
  if (Number(cols) > 0 && Number(outputs) > 0 && Number(outputs) % 8 === 0) {
    return { cols: Number(cols), outputs: Number(outputs) };
  }
  throw new RangeError(
    `--shapes names ${JSON.stringify(word)}, not COLSxOUTPUTS with outputs in tiles of 8`,
  );
}
