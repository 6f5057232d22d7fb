/** Listening on a port, in Deno and Node. The public face of this folder; defines nothing itself. */
export { type Answering, listen, type Listener, type ListenOptions } from "./listen.ts";
export { ListenError } from "./listen_error.ts";
