/** The error of a training whose numbers have overflowed. Detects nothing. */

/** A number that a model or its gradients came to is not finite; the message names where. */
export class NotFiniteError extends RangeError {
  override readonly name: string = "NotFiniteError";
}
