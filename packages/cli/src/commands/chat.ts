/** `aha chat`: a conversation in the terminal, or one message a line from a pipe. Prints no JSON. */
import { Conversation } from "../chat/conversation.ts";
import { talk } from "../chat/talk.ts";
import type { Command, CommandInput, CommandIo } from "../command.ts";
import { generationOptions, generationOptionSpecs } from "../generation_options.ts";
import { expectAdapters, loadOptions, loadOptionSpecs, loadWithBar } from "../model_options.ts";
import { DEFAULT_MODEL } from "../nano/default_model.ts";
import { introduction } from "../nano/introduction.ts";
import { flagOption, stringOption } from "../options.ts";

/** `aha chat [MODEL]`. */
export const command: Command = {
  name: "chat",
  usage: "chat [MODEL] [options]",
  details:
    `Without MODEL it is ${DEFAULT_MODEL}, a small demonstration of reasoning that comes with Aha and
knows the words of its tasks alone.
Thoughts are dim. Ctrl-C stops an answer; /help lists what begins with a slash; Ctrl-D leaves.
Where stdin is no terminal each line is a message or a command; stdout gets answers and what commands
print, stderr everything else.
With several --lora, /set adapter NAME chooses among them from then on.
  aha chat smollm2-135m --system "Be brief."
  printf 'Hi\\nWhy?\\n' | aha chat smollm2-135m --seed 1`,
  positionals: ["[MODEL]"],
  options: {
    ...generationOptionSpecs,
    slide: {
      type: "boolean",
      help: "go on where the context is full: the oldest messages are forgotten",
    },
    ...loadOptionSpecs,
  },
  run,
};

async function run({ values, positionals }: CommandInput, io: CommandIo): Promise<number> {
  generationOptions(values); // what is wrong is said before the model is loaded
  const name = positionals[0] ?? DEFAULT_MODEL;
  io.error(introduction(name, io));
  await using model = await loadWithBar(name, loadOptions(values), io);
  expectAdapters(model, values);
  if (model.tokenizer.chatTemplate === undefined) {
    const { ModelError } = await import("@aha/runtime");
    throw new ModelError(
      `${model.name} has no chat template, so it cannot chat; aha run --raw continues a text`,
    );
  }
  const system = stringOption(values, "system");
  await talk(new Conversation(model, values, { system, slides: flagOption(values, "slide") }), io);
  return 0;
}
