/** Opens the tokenizer of the model that a command names, with a progress bar while it is pulled. Loads no weights. */
import type { Tokenizer } from "@aha/runtime/tokenizer";
import type { CommandIo } from "./command.ts";

/** The tokenizer of `model`; the runtime is loaded by the first call. */
export async function modelTokenizer(model: string, io: CommandIo): Promise<Tokenizer> {
  const { openTokenizer } = await import("@aha/runtime/tokenizer");
  const { progressBar } = await import("./terminal/progress_bar.ts");
  const bar = progressBar(io);
  try {
    return await openTokenizer(model, {
      signal: io.signal,
      onProgress: ({ receivedBytes, totalBytes }) =>
        bar.update("Downloading", receivedBytes, totalBytes),
    });
  } finally {
    bar.stop();
  }
}
