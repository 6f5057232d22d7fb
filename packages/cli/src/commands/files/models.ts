/** `aha models`: lists the models that have a name or lie in the cache, and removes cached ones. Downloads nothing. */
import { cacheFolder, listModels, removeModel, type StoredModel } from "@aha/runtime/weights";
import { type Command, type CommandInput, type CommandIo, UsageError } from "../../command.ts";
import { flagOption } from "../../options.ts";
import { printable, sizeText } from "../../terminal/size_text.ts";

/** `aha models [rm NAME]`. */
export const command: Command = {
  name: "models",
  usage: "models [rm NAME] [--json]",
  details: `Lists known and cached models; rm removes one from the cache.
--json prints {cache, models: [{name, sizeBytes, path?, isPackaged?, summary?, licence?}]}, after rm {removed, freedBytes}.
  aha models rm smollm2-135m`,
  positionals: ["[rm]", "[NAME]"],
  options: { json: { type: "boolean", help: "print one JSON document" } },
  run,
};

function run({ values, positionals }: CommandInput, io: CommandIo): Promise<number> {
  const [verb, name] = positionals;
  if (verb !== undefined && verb !== "rm") {
    throw new UsageError(`unknown action ${JSON.stringify(verb)}; give models or models rm NAME`);
  }
  if (verb === "rm" && name === undefined) throw new UsageError("models rm needs a NAME");
  io.out(
    verb === "rm" ? remove(name, flagOption(values, "json")) : list(flagOption(values, "json")),
  );
  return Promise.resolve(0);
}

function remove(name: string, json: boolean): string {
  const freedBytes = removeModel(name);
  return json
    ? `${JSON.stringify({ removed: name, freedBytes })}\n`
    : `Removed ${name}, ${sizeText(freedBytes)} are free again\n`;
}

function list(json: boolean): string {
  const models = listModels();
  if (json) return `${JSON.stringify({ cache: cacheFolder(), models })}\n`;
  const width = Math.max(...models.map(({ name }) => name.length));
  const lines = models.map((model) => row(model, width));
  return [...lines, `The cache is ${cacheFolder()}`, ""].join("\n");
}

function row({ name, sizeBytes, path, isPackaged, summary }: StoredModel, width: number): string {
  const state = isPackaged
    ? "comes with Aha"
    : path === undefined
    ? "not downloaded"
    : "in the cache";
  const line = `${printable(name).padEnd(width)}  ${sizeText(sizeBytes).padStart(10)}  `;
  return `${line}${state.padEnd(14)}  ${summary ?? ""}`.trimEnd();
}
