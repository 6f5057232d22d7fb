/** `aha tokenize`: the token ids of a text. Loads no weights and adds no BOS. */
import { type Command, type CommandInput, type CommandIo, UsageError } from "../command.ts";
import { modelTokenizer } from "../model_tokenizer.ts";
import { flagOption, stringOption } from "../options.ts";
import { readTextInput } from "../terminal/text_input.ts";

/** `aha tokenize MODEL (--text FILE | -)`. */
export const command: Command = {
  name: "tokenize",
  usage: "tokenize MODEL (--text FILE | -) [--no-special] [--json]",
  details: `Prints the ids on one line, with commas between them, as detokenize takes them.
--json prints {model, ids, tokens}: what each id stands for.
  echo "Hello" | aha tokenize smollm2-135m -`,
  positionals: ["MODEL", "[-]"],
  options: {
    text: { type: "string", value: "FILE", help: "the file to read, - for stdin" },
    "no-special": { type: "boolean", help: "control tokens such as <|im_end|> are plain text" },
    json: { type: "boolean", help: "print one JSON document" },
  },
  run,
};

async function run({ values, positionals }: CommandInput, io: CommandIo): Promise<number> {
  const [model, dash] = positionals;
  const file = stringOption(values, "text");
  if (dash !== undefined && dash !== "-") {
    throw new UsageError(`unexpected argument ${JSON.stringify(dash)}; give a file by --text`);
  }
  if ((file === undefined) === (dash === undefined)) {
    throw new UsageError("tokenize needs a text: --text FILE, or - for stdin, and not both");
  }
  const text = await readTextInput(file ?? "-", io);
  const tokenizer = await modelTokenizer(model, io);
  const ids = tokenizer.encode(text, { special: !flagOption(values, "no-special") });
  if (flagOption(values, "json")) {
    const tokens = ids.map((id) => tokenizer.decode([id]));
    io.out(`${JSON.stringify({ model, ids, tokens })}\n`);
  } else {
    io.out(`${ids.join(",")}\n`);
  }
  return 0;
}
