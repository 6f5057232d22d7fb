/** `aha detokenize`: the text of token ids. Loads no weights. */
import { type Command, type CommandInput, type CommandIo, UsageError } from "../command.ts";
import { modelTokenizer } from "../model_tokenizer.ts";
import { flagOption, idsOption } from "../options.ts";

/** `aha detokenize MODEL --ids 1,2,3`. */
export const command: Command = {
  name: "detokenize",
  usage: "detokenize MODEL --ids 1,2,3 [--json]",
  details: `Prints the text as it is; bytes that are no UTF-8 become U+FFFD.
--json prints {model, ids, text}.`,
  positionals: ["MODEL"],
  options: {
    ids: { type: "string", value: "1,2,3", help: "token ids with commas between them" },
    json: { type: "boolean", help: "print one JSON document" },
  },
  run,
};

async function run({ values, positionals }: CommandInput, io: CommandIo): Promise<number> {
  const [model] = positionals;
  const ids = idsOption(values, "ids");
  if (ids === undefined) throw new UsageError("detokenize needs token ids: --ids 1,2,3");
  const tokenizer = await modelTokenizer(model, io);
  const text = tokenizer.decode(ids);
  if (flagOption(values, "json")) io.out(`${JSON.stringify({ model, ids, text })}\n`);
  else io.out(io.outIsTerminal ? `${text}\n` : text);
  return 0;
}
