/** Error classes of the runtime: each extends the closest built-in and carries its data. Knows no exit codes and no HTTP. */

/** A GGUF file is malformed; `offset` is the byte of the file where reading stopped. */
export class GgufError extends SyntaxError {
  override readonly name = "GgufError";
  constructor(message: string, readonly offset: number, options?: ErrorOptions) {
    super(`${message} (at byte ${offset})`, options);
  }
}

/** A file of a model folder (JSON, safetensors) is malformed or lacks something; `file` names it. */
export class CheckpointError extends SyntaxError {
  override readonly name = "CheckpointError";
  constructor(message: string, readonly file: string, options?: ErrorOptions) {
    super(message, options);
  }
}

/** A file, URL or Blob could not be read; `source` names it. */
export class SourceError extends Error {
  override readonly name = "SourceError";
  constructor(message: string, readonly source: string, options?: ErrorOptions) {
    super(message, options);
  }
}

/** A well-formed file asks for something this version has no code for (type, architecture, tokenizer). */
export class UnsupportedError extends TypeError {
  override readonly name = "UnsupportedError";
  constructor(message: string, readonly feature: string, options?: ErrorOptions) {
    super(message, options);
  }
}

/** A model file is well-formed but its metadata or tensors do not fit together. */
export class ModelError extends TypeError {
  override readonly name = "ModelError";
}

/** A prompt cache's file is damaged, or was made with what does not run here; `source` names it. */
export class PromptCacheError extends TypeError {
  override readonly name = "PromptCacheError";
  constructor(message: string, readonly source: string, options?: ErrorOptions) {
    super(message, options);
  }
}

/** A prompt or a conversation does not fit the context, or fills it so that no answer fits. */
export class ContextFullError extends RangeError {
  override readonly name = "ContextFullError";
  constructor(readonly usedTokens: number, readonly limitTokens: number) {
    const why = usedTokens > limitTokens ? "does not fit" : "leaves no room for an answer in";
    super(
      `The prompt of ${usedTokens} tokens ${why} the context of ${limitTokens} tokens: ` +
        "shorten it or ask for a larger context",
    );
  }
}

/** A model or a cache needs more memory than it may use. */
export class MemoryError extends RangeError {
  override readonly name = "MemoryError";
  constructor(message: string, readonly neededBytes: number, readonly limitBytes: number) {
    super(message);
  }
}

/** A helper thread has died, or does not go on, while a model works: what ran is lost, other models are not touched. */
export class ThreadError extends Error {
  override readonly name = "ThreadError";
}

/** The model cache could not be written or changed; `path` is the file or folder concerned. */
export class StoreError extends Error {
  override readonly name = "StoreError";
  constructor(message: string, readonly path: string, options?: ErrorOptions) {
    super(message, options);
  }
}

/** A file could not be written; `path` names it. */
export class OutputError extends Error {
  override readonly name = "OutputError";
  constructor(message: string, readonly path: string, options?: ErrorOptions) {
    super(message, options);
  }
}
