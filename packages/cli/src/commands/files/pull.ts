/** `aha pull`: downloads a model into the cache. Loads none. */
import { statSync } from "node:fs";
import { pull } from "@aha/runtime/weights";
import type { Command, CommandInput, CommandIo } from "../../command.ts";
import { flagOption } from "../../options.ts";
import { progressBar } from "../../terminal/progress_bar.ts";

/** `aha pull MODEL`. */
export const command: Command = {
  name: "pull",
  usage: "pull MODEL [--force] [--json]",
  details: `MODEL is a known name, hf:ORG/REPO/FILE.gguf or a URL; prints the path of the file.
A download that was cut goes on where it stopped. AHA_HOME names another cache folder.
--json prints {model, path, sizeBytes}.
  aha pull smollm2-135m`,
  positionals: ["MODEL"],
  options: {
    force: { type: "boolean", help: "download again what is in the cache already" },
    json: { type: "boolean", help: "print one JSON document" },
  },
  run,
};

async function run({ values, positionals }: CommandInput, io: CommandIo): Promise<number> {
  const [model] = positionals;
  const bar = progressBar(io);
  let path: string;
  try {
    path = await pull(model, {
      force: flagOption(values, "force"),
      signal: io.signal,
      onProgress: ({ phase, receivedBytes, totalBytes }) =>
        bar.update(phase === "unpack" ? "Unpacking" : "Downloading", receivedBytes, totalBytes),
    });
  } finally {
    bar.stop();
  }
  const json = { model, path, sizeBytes: statSync(path).size };
  io.out(flagOption(values, "json") ? `${JSON.stringify(json)}\n` : `${path}\n`);
  return 0;
}
