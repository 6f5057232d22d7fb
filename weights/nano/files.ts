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
    parameters: 277_768,
    type: "Q8_0",
    sizeBytes: 388_160,
    sha256: "e47de55dafd275a014f5cbaab9de155fa603dd09125122b92580cdcee27377f4",
  },
  "nano-student": {
    parameters: 108_864,
    type: "Q8_0",
    sizeBytes: 142_752,
    sha256: "949853c402c9bafd90c6c31192c26c3d6a3f9066fbc6c91376a1064f151198cc",
  },
};
