/** Why the engine gives no place. Knows no HTTP: `errors.ts` chooses the status. */

/** No model of this name is served. */
export class UnknownModelError extends RangeError {
  override readonly name = "UnknownModelError";
  constructor(readonly model: string, readonly known: readonly string[]) {
    super(`The model ${JSON.stringify(model)} is not served here, known are ${known.join(", ")}`);
  }
}

/** As many requests wait as may. */
export class QueueFullError extends Error {
  override readonly name = "QueueFullError";
  constructor(readonly queued: number, readonly retryAfterSeconds: number) {
    super(
      `The server is busy: ${queued} requests wait already, ask again in ${retryAfterSeconds} seconds`,
    );
  }
}

/** No place became free in time, or no memory for the model. */
export class QueueTimeoutError extends Error {
  override readonly name = "QueueTimeoutError";
  constructor(readonly waitedMs: number, readonly retryAfterSeconds: number) {
    super(
      `The server is busy: no room became free in ${
        Math.round(waitedMs / 1000)
      } seconds, ask again in ${retryAfterSeconds} seconds`,
    );
  }
}

/** The server is going down. */
export class EngineClosingError extends Error {
  override readonly name = "EngineClosingError";
  constructor() {
    super("The server is shutting down and takes no more requests");
  }
}

/** The model does not fit, even alone. */
export class EngineMemoryError extends Error {
  override readonly name = "EngineMemoryError";
  constructor(readonly model: string, readonly neededBytes: number, readonly allowedBytes: number) {
    super(
      `The model ${JSON.stringify(model)} needs ${neededBytes} bytes, ${allowedBytes} are allowed`,
    );
  }
}
