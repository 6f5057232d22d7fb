/** From the words after `aha train` to what is to be run: a configuration file with changes, or a recipe by name. Runs nothing. */
import { readJsonText, readRunConfig, type RunConfig, settingName } from "@aha/grpo";
import { existsSync } from "node:fs";
import { nearestName } from "../chat/nearest_name.ts";
import { type OptionSpec, type OptionValues, UsageError } from "../command.ts";
import { besideFile } from "./config_paths.ts";
import { flagOption, integerOption, listOption, stringOption } from "../options.ts";

/** Options of `aha train`. */
export const trainOptionSpecs: Readonly<Record<string, OptionSpec>> = {
  preset: { type: "string", value: "P", help: "published settings, or the size of a recipe" },
  set: {
    ...{ type: "string", value: "KEY=VALUE", multiple: true },
    help: "change a value of the configuration, such as lora.rank=8",
  },
  seed: { type: "string", value: "N", help: "seed of sampling, order and adapters" },
  out: { type: "string", value: "DIR", help: "folder of the run (default runs/ and its name)" },
  resume: { type: "boolean", help: "go on from the folder's checkpoint" },
  "dry-run": { type: "boolean", help: "print samples with their rewards, train nothing" },
  compare: {
    ...{ type: "string", value: "DIR", multiple: true },
    help: "show the run in DIR beside this one in the report",
  },
  json: { type: "boolean", help: "print one JSON document about the run" },
};

/** What is to be run. */
export interface RunRequest {
  /** NAME or CONFIG as it was given. */
  readonly target: string;
  readonly preset?: string;
  /** Values by name, nested ones as objects. */
  readonly changes: Readonly<Record<string, unknown>>;
  readonly outputDir?: string;
  readonly isResumed: boolean;
  readonly isDryRun: boolean;
  readonly compared: readonly string[];
}

/**
 * What the command line asks for.
 * @throws {UsageError} for options that make no sense
 */
export function readRequest(target: string, values: OptionValues): RunRequest {
  const seed = integerOption(values, "seed", { min: 0 });
  let changes: Record<string, unknown> = {};
  for (const setting of listOption(values, "set")) changes = withChange(changes, setting);
  if (seed !== undefined) changes = { ...changes, seed };
  const isResumed = flagOption(values, "resume");
  const isDryRun = flagOption(values, "dry-run");
  if (isResumed && isDryRun) throw new UsageError("--resume and --dry-run exclude each other");
  return {
    target,
    preset: stringOption(values, "preset"),
    changes,
    outputDir: stringOption(values, "out"),
    isResumed,
    isDryRun,
    compared: listOption(values, "compare"),
  };
}

/** `lora.rank=8`: the value is JSON where it can be, else text. */
function withChange(changes: Record<string, unknown>, setting: string): Record<string, unknown> {
  const [, key, text] = /^([\w.$-]+)=(.*)$/s.exec(setting) ?? [];
  if (key === undefined) {
    throw new UsageError(`--set ${JSON.stringify(setting)} is not allowed; give KEY=VALUE`);
  }
  return merged(changes, nested(key.split("."), jsonOrText(text)));
}

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function nested([name, ...rest]: readonly string[], value: unknown): Record<string, unknown> {
  return { [name]: rest.length > 0 ? nested(rest, value) : value };
}

/** One object over another: a name replaces its other spelling or `nameOf`'s other name for it, objects are merged. */
export function merged(
  below: Readonly<Record<string, unknown>>,
  above: Readonly<Record<string, unknown>>,
  nameOf: (key: string) => string = (key) => key,
): Record<string, unknown> {
  const all: Record<string, unknown> = { ...below };
  for (const [key, value] of Object.entries(above)) {
    const name = spelled(nameOf(key));
    const same = Object.keys(all).find((other) => spelled(nameOf(other)) === name);
    const old = same === undefined ? undefined : all[same];
    if (same !== undefined) delete all[same];
    all[key] = isObject(old) && isObject(value) ? merged(old, value) : value;
  }
  return all;
}

function spelled(key: string): string {
  return key.replaceAll("_", "").toLowerCase();
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Whether a target is a configuration file rather than a recipe's name.
 * @throws {UsageError} for a name that there is not
 */
export function isConfigFile(target: string, names: readonly string[]): boolean {
  if (names.includes(target)) return false;
  if (/\.jsonc?$|[/\\]/i.test(target) || existsSync(target)) return true;
  const near = nearestName(target, names);
  const known = names.length > 0 ? `, recipes are ${names.join(", ")}` : "";
  const hint = near ? `did you mean ${near}?` : `give a file such as run.jsonc${known}`;
  throw new UsageError(`there is no recipe ${JSON.stringify(target)}; ${hint}`);
}

/**
 * The configuration of a file's text with the changes of the command line. Its paths start from the file's folder where
 * they lead to something there, else from the current folder, as those of the command line do. A folder is chosen where
 * none is given: `runs/` and the file's name, in the current folder.
 * @throws {Error} naming the file, the value and what is allowed
 */
export function configOf(
  text: string,
  { target, preset, changes, outputDir }: RunRequest,
): RunConfig {
  try {
    const given = besideFile(readJsonText(text, target), target);
    const asked = {
      ...changes,
      ...(preset === undefined ? {} : { preset }),
      ...(outputDir === undefined ? {} : { output_dir: outputDir }),
    };
    const config = readRunConfig(isObject(given) ? merged(given, asked, settingName) : given);
    return config.outputDir === null
      ? { ...config, outputDir: `runs/${baseName(target)}` }
      : config;
  } catch (error) {
    if (error instanceof SyntaxError) throw error;
    throw new Error(`${target}: ${(error as Error).message}`, { cause: error });
  }
}

function baseName(path: string): string {
  return path.replace(/^.*[/\\]/, "").replace(/\.\w+$/, "");
}
