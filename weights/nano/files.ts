/** Sizes and checksums of the models beside this file, as `deno task embed` wrote them. Opens none. */

/** A model file of this package. */
export interface PackagedFile {
  readonly parameters: number;
  /** Number format of its matrices. */
  readonly type: string;
  readonly sizeBytes: number;
  /** Of the whole file, lower-case hexadecimal. */
  readonly sha256: string;
}

/** By name. */
export const NANO_FILES: Readonly<Record<"nano" | "nano-student", PackagedFile>> = {
  nano: {
    parameters: 1_943_728,
    type: "Q8_0",
    sizeBytes: 2_616_992,
    sha256: "05ebc9243122e06ba4623f095f1d1320f76afc27d2d51064464e82c0caded3d4",
  },
  "nano-student": {
    parameters: 820_352,
    type: "Q8_0",
    sizeBytes: 881_696,
    sha256: "943aae1dfc3c9d8fcf45cc21761e097380d2f656b76ad26769699af2655f99fa",
  },
};
