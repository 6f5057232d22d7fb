/** Preloaded before a program, makes the globals those of an isolate: no threads, no shared memory. Does nothing else. */
const globals = globalThis as Record<string, unknown>;
delete globals.Worker;
delete globals.SharedArrayBuffer;
