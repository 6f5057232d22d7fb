/** Why a port cannot be listened on. Chooses no exit code. */

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: "the port is in use",
  EACCES: "this user may not take the port",
  EADDRNOTAVAIL: "this machine has no such address",
  EINVAL: "this machine has no such address", // Deno's word for it
  ENOTFOUND: "no such host is known",
  EAI_AGAIN: "no such host is known",
};

/** The port cannot be listened on. */
export class ListenError extends Error {
  override readonly name = "ListenError";
  /** Node's code, such as `EADDRINUSE`. */
  readonly code?: string;
  constructor(
    readonly host: string,
    readonly port: number,
    cause: Error & { readonly code?: string },
  ) {
    const reason = REASONS[cause.code ?? ""] ?? cause.message;
    super(`Cannot listen on port ${port} of ${host}: ${reason}`, { cause });
    this.code = cause.code;
  }
}
