/** The connections of a server, and how they end when it does. Reads and writes nothing. */
import type { Server } from "node:http";
import type { Socket } from "node:net";

/** Knows which connections have an answer on its way: `closeIdleConnections` leaves those alone that have not asked yet. */
export class Connections {
  readonly #open = new Set<Socket>();
  readonly #answering = new Set<Socket>();
  #isClosing = false;

  constructor(private readonly server: Server) {
    server.on("connection", (socket) => {
      this.#open.add(socket);
      socket.once("close", () => this.#open.delete(socket));
    });
    server.on("request", ({ socket }, answer) => {
      this.#answering.add(socket);
      answer.once("close", () => {
        this.#answering.delete(socket);
        if (this.#isClosing) socket.end();
      });
    });
  }

  /** Takes no more connections, waits so long for answers that are on their way, then ends them. */
  async close(graceMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#isClosing = true;
    this.server.close(() => resolve());
    for (const socket of this.#open) {
      if (!this.#answering.has(socket)) socket.destroy();
    }
    const end = setTimeout(() => this.#open.forEach((socket) => socket.destroy()), graceMs);
    await promise;
    clearTimeout(end);
  }
}
