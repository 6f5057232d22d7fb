/** The table of all commands of the contract, with a loader for those that are built. Loads nothing until asked. */
import type { Command } from "./command.ts";

/** One line of `aha --help`. */
export interface RegisteredCommand {
  readonly name: string;
  /** One line, no period. */
  readonly summary: string;
  /** Absent: the name is reserved and the command is not built yet. */
  readonly load?: () => Promise<{ readonly command: Command }>;
}

/** All commands, in the order of the help text. */
export const registeredCommands: readonly RegisteredCommand[] = [
  { name: "run", summary: "answer one prompt", load: () => import("./commands/run.ts") },
  {
    name: "chat",
    summary: "talk with a model in the terminal",
    load: () => import("./commands/chat.ts"),
  },
  {
    name: "serve",
    summary: "serve models over HTTP",
    load: () => import("./commands/serve.ts"),
  },
  {
    name: "score",
    summary: "log-probabilities of given tokens or of a text",
    load: () => import("./commands/score.ts"),
  },
  {
    name: "tokenize",
    summary: "token ids of a text",
    load: () => import("./commands/tokenize.ts"),
  },
  {
    name: "detokenize",
    summary: "the text of token ids",
    load: () => import("./commands/detokenize.ts"),
  },
  {
    name: "inspect",
    summary: "what a model file holds and the memory it needs",
    load: () => import("./commands/files/inspect.ts"),
  },
  {
    name: "bench",
    summary: "measure prefill and decode speed",
    load: () => import("./commands/bench.ts"),
  },
  {
    name: "pull",
    summary: "download a model into the cache",
    load: () => import("./commands/files/pull.ts"),
  },
  {
    name: "models",
    summary: "list or remove models in the cache",
    load: () => import("./commands/files/models.ts"),
  },
  {
    name: "quantize",
    summary: "write a model file in another number format",
    load: () => import("./commands/files/quantize.ts"),
  },
  {
    name: "convert",
    summary: "make a GGUF file from a Hugging Face folder",
    load: () => import("./commands/files/convert.ts"),
  },
  {
    name: "merge",
    summary: "write a model with an adapter added to its weights",
    load: () => import("./commands/files/merge.ts"),
  },
  { name: "train", summary: "train a model", load: () => import("./commands/train.ts") },
  {
    name: "eval",
    summary: "measure a model on a suite of tasks",
    load: () => import("./commands/eval.ts"),
  },
];
