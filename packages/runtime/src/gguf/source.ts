/** One way to read bytes from a file, a URL or a Blob. Knows nothing of what the bytes mean. */

/** Random access to the bytes of a model file. */
export interface ByteSource {
  /** For messages: path, URL or `Blob`. */
  readonly name: string;
  readonly sizeBytes: number;
  /**
   * Fills all of `into` (it may be a view on shared wasm memory) with the bytes from `offset` on.
   * @throws {SourceError} if fewer bytes could be had or the read failed.
   */
  read(offset: number, into: Uint8Array, signal?: AbortSignal): Promise<void>;
  close(): Promise<void>;
}
