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
    sizeBytes: 388_768,
    sha256: "e613b8643e4495c08d56d8514b081aa803201c3ae13e242d4fe306f2c68ca119",
  },
  "nano-student": {
    parameters: 108_864,
    type: "Q8_0",
    sizeBytes: 143_360,
    sha256: "535d336c5b1e2fc3ebc0af0e01a0ba5971abfaf00e70cbbea1068184dff4ebff",
  },
};
