/** Parts of a configuration that are objects of their own: adapters, task, rewards, guards, data. Builds none of them. */
import { count, type Field, flag, list, number, text, wrongType } from "../../settings/field.ts";
import {
  readSettings,
  type Setting,
  settingsSchema,
  type SettingsTable,
} from "../../settings/settings_table.ts";
import { DEFAULT_LIMITS, type GuardLimits } from "../../trainer/guards.ts";
import type {
  FileTask,
  LoraConfig,
  RewardConfig,
  SftRunConfig,
  TaskConfig,
} from "../run_config.ts";

const LORA: SettingsTable<LoraConfig> = {
  rank: { ...count, default: 16, help: "rank of the adapters (TRL's ModelConfig: 16)" },
  alpha: { ...number({ above: 0 }), default: 32, help: "their scale is alpha / rank" },
  targets: {
    ...oneOrMore("names of matrices such as q_proj, or all-linear"),
    default: ["all-linear"],
    help: "matrices: q_proj, attn_q, all-linear, experts, ...",
  },
  dropout: { ...number({ min: 0, max: 0.99 }), default: 0, help: "share of inputs dropped" },
  rslora: { ...flag, default: false, help: "scale is alpha / sqrt(rank)" },
};

/** peft's and TRL's names. */
const LORA_ALIASES = new Map([
  ["r", "rank"],
  ["lora_r", "rank"],
  ["lora_alpha", "alpha"],
  ["target_modules", "targets"],
  ["lora_target_modules", "targets"],
  ["lora_dropout", "dropout"],
  ["use_rslora", "rslora"],
]);

/** Adapters. */
export const lora: Field<LoraConfig> = object(LORA, LORA_ALIASES);

/** Above 1: never. */
const SHARE = number({ min: 0 });

const GUARDS: SettingsTable<GuardLimits> = {
  clippedRatio: limit(SHARE, "clippedRatio", "share of completions cut off"),
  zeroVariance: limit(SHARE, "zeroVariance", "share of groups with equal rewards, far from solved"),
  unjudged: limit(SHARE, "unjudged", "share of completions that no reward could judge"),
  kl: limit(number({ above: 0 }), "kl", "divergence from the reference, nats a token"),
  warnAfter: limit(count, "warnAfter", "steps in a row above a limit before a warning"),
  stopAfter: limit(count, "stopAfter", "and before the run stops"),
};

function limit(field: Field<number>, name: keyof GuardLimits, help: string): Setting<number> {
  return { ...field, default: DEFAULT_LIMITS[name], help };
}

/** Guards; `false` is none, `true` the defaults. */
export const guards: Field<GuardLimits | null> = orFlag(object(GUARDS));

const DATA: SettingsTable<SftRunConfig["data"]> = {
  file: { ...text, help: "a conversation a line, as JSON" },
  messagesColumn: { ...text, default: "messages", help: "where the conversation is" },
};

/** Data of supervised training; a text is the file. */
export const data: Field<SftRunConfig["data"]> = orText(object(DATA), (file) => ({ file }));

type FileValues = Omit<FileTask, "options">;

const FILE: SettingsTable<FileValues> = {
  file: { ...text, help: "rows with prompts and answers" },
  format: { ...text, default: "jsonl", help: "jsonl, or a published format such as gsm8k" },
  promptColumn: { ...text, default: "prompt", help: "column of the prompt" },
  answerColumn: {
    ...{ ...text, default: "answer", takesNull: true },
    help: "column of the answer; null: there is none",
  },
};

const NAMED: SettingsTable<{ name: string }> = { name: { ...text, help: "name of the task" } };

/** A task: its name, an object with a name, or one with a file; what it does not know are options. */
export const task: Field<TaskConfig> = orText({
  schema: { anyOf: [open(settingsSchema(NAMED)), open(settingsSchema(FILE))] },
  read: (value, key) => {
    if (!isObject(value)) throw wrongType(key, value, 'a name, {"name"} or {"file"}');
    if (value.name !== undefined && value.file !== undefined) {
      throw new TypeError(`${key} has both name and file, give one`);
    }
    if (value.file === undefined && value.name === undefined) {
      throw new TypeError(`${key} has neither name nor file, give one`);
    }
    const table: SettingsTable<object> = value.file !== undefined ? FILE : NAMED;
    const { own, options } = splitOptions(table, value);
    const values = readSettings<object>(table, own, { prefix: `${key}.` });
    return { ...values, options } as TaskConfig;
  },
}, (name) => ({ name }));

type RewardValues = Omit<RewardConfig, "options" | "name"> & { readonly name: string | null };

const REWARD: SettingsTable<RewardValues> = {
  name: { ...text, default: null, help: "a built-in reward, or what to call that of a module" },
  module: { ...text, default: null, help: "path or URL of a module whose default export judges" },
  weight: {
    ...number(),
    default: null,
    help: "factor in the sum (left out: the module's own, or 1)",
  },
  timeoutMs: { ...number({ above: 0 }), default: null, help: "milliseconds it may take a step" },
};

/** A name that is the path of a module. */
const PATH = /[/\\]|\.[cm]?[jt]s$/;

/** A reward: its name, or an object with name or module; what it does not know are options. */
const reward: Field<RewardConfig> = orText({
  schema: {
    ...open(settingsSchema(REWARD)),
    anyOf: ["name", "module"].map((key) => ({
      required: [key],
      properties: { [key]: { type: "string" } },
    })),
  },
  read: (value, key) => {
    if (!isObject(value)) throw wrongType(key, value, 'a name, {"name"} or {"module"}');
    const { own, options } = splitOptions(REWARD, value);
    const read = readSettings(REWARD, own, { prefix: `${key}.` });
    const isPath = read.module === null && read.name !== null && PATH.test(read.name);
    const { name, ...others } = isPath ? { ...read, name: null, module: read.name } : read;
    const called = name ?? others.module?.replace(/^.*\//, "").replace(/\.\w+$/, "");
    if (!called) throw new TypeError(`${key} has neither name nor module, give one`);
    return { name: called, ...others, options };
  },
}, (name) => ({ name }));

/** All rewards. */
export const rewards: Field<readonly RewardConfig[]> = list(
  reward,
  'a list of rewards such as ["accuracy", "format"]',
  1,
);

function object<Values>(
  table: SettingsTable<Values>,
  aliases?: ReadonlyMap<string, string>,
): Field<Values> {
  return {
    schema: settingsSchema(table, { aliases }),
    read: (value, key) => readSettings(table, value, { prefix: `${key}.`, aliases }),
  };
}

function orText<Value>(field: Field<Value>, meant: (text: string) => object): Field<Value> {
  return {
    schema: { anyOf: [text.schema, field.schema] },
    read: (value, key) =>
      field.read(typeof value === "string" ? meant(text.read(value, key)) : value, key),
  };
}

function orFlag<Value>(field: Field<Value>): Field<Value | null> {
  return {
    schema: { anyOf: [flag.schema, field.schema] },
    read: (value, key) => value === false ? null : field.read(value === true ? {} : value, key),
  };
}

function oneOrMore(wanted: string): Field<readonly string[]> {
  const many = list(text, wanted, 1);
  return {
    schema: { anyOf: [text.schema, many.schema] },
    read: (value, key) => many.read(typeof value === "string" ? [value] : value, key),
  };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What a table does not name. */
function splitOptions(
  table: object,
  value: Record<string, unknown>,
): { readonly own: Record<string, unknown>; readonly options: Record<string, unknown> } {
  const known = new Set(
    Object.keys(settingsSchema(table as SettingsTable<object>).properties as object),
  );
  const entries = Object.entries(value);
  return {
    own: Object.fromEntries(entries.filter(([key]) => known.has(key))),
    options: Object.fromEntries(entries.filter(([key]) => !known.has(key))),
  };
}

/** Takes further names: options of a task or reward. */
function open(schema: { readonly [keyword: string]: unknown }): typeof schema {
  return { ...schema, additionalProperties: true };
}
