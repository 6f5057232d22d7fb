/** A table of named values: read from an object in either spelling, and told as a JSON schema. Knows no value itself. */
import { type Field, type JsonSchema, shown, wrongType } from "./field.ts";
import { nearestName, snakeCase } from "./spelling.ts";

/** A value with a name. */
export interface Setting<Value> extends Field<Value> {
  /** One line: what it is, with units and source. */
  readonly help: string;
  /** What it is when left out; none: it must be given. */
  readonly default?: Value;
  /** Whether `null` is a value of its own, and not the same as left out. */
  readonly takesNull?: boolean;
}

/** Values by TypeScript's names; each may be written in TRL's spelling too. */
export type SettingsTable<Values> = { readonly [Name in keyof Values]-?: Setting<Values[Name]> };

/** A known name that is taken only where it changes nothing. */
export interface RefusedName {
  readonly name: string;
  /** Values that change nothing here; `null` never does. */
  readonly harmless: readonly unknown[] | "any";
  /** Why others are refused, and what to do instead. */
  readonly reason: string;
}

/** What a table is read with. */
export interface ReadOptions {
  /** Stands before keys in messages: `lora.`. */
  readonly prefix?: string;
  /** Further spellings of names. */
  readonly aliases?: ReadonlyMap<string, string>;
  readonly refused?: readonly RefusedName[];
  /** Values not given are left out, rather than set to their defaults. */
  readonly isPartial?: boolean;
}

/**
 * The values of an object, with defaults for those left out; `null` counts as left out, but where it is a value.
 * @throws {TypeError} for an unknown key, a value of the wrong type, a key given twice and one that is missing
 * @throws {RangeError} for a value out of range, and for what is refused
 */
export function readSettings<Values>(
  table: SettingsTable<Values>,
  object: unknown,
  options: ReadOptions = {},
): Values {
  const { prefix = "", refused = [], isPartial = false } = options;
  const names = spellings(table, options.aliases);
  const values: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(asObject(object, prefix.replace(/\.$/, "")))) {
    const name = names.get(key);
    const refusal = refused.find((other) => other.name === key || snakeCase(key) === other.name);
    if (name === undefined && refusal) {
      checkHarmless(refusal, value, prefix + key);
      continue;
    }
    if (name === undefined) throw unknownName(prefix + key, key, names.keys());
    const setting = settingOf(table, name);
    if (value === undefined || value === null && !setting.takesNull) continue;
    if (Object.hasOwn(values, name)) {
      throw new TypeError(`${prefix}${key} is given twice, in two spellings`);
    }
    values[name] = value === null ? null : setting.read(value, prefix + key);
  }
  if (isPartial) return values as Values;
  for (const name of Object.keys(table)) {
    if (Object.hasOwn(values, name)) continue;
    const setting = settingOf(table, name);
    if (!("default" in setting)) throw missing(prefix + snakeCase(name), setting);
    values[name] = setting.default;
  }
  return values as Values;
}

function settingOf<Values>(table: SettingsTable<Values>, name: string): Setting<unknown> {
  return table[name as keyof Values];
}

/** Names by every spelling that is taken. */
function spellings(
  table: object,
  aliases: ReadonlyMap<string, string> = new Map(),
): ReadonlyMap<string, string> {
  const own = Object.keys(table).flatMap((name) =>
    [[snakeCase(name), name], [name, name]] as const
  );
  return new Map([...own, ...aliases]);
}

function asObject(value: unknown, key: string): object {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  throw wrongType(key || "The configuration", value, "an object of names and values");
}

function checkHarmless({ harmless, reason }: RefusedName, value: unknown, key: string): void {
  if (value === null || value === undefined || harmless === "any") return;
  if (harmless.some((other) => JSON.stringify(other) === JSON.stringify(value))) return;
  throw new RangeError(`${key} is ${shown(value)}: ${reason}`);
}

function unknownName(place: string, key: string, names: Iterable<string>): TypeError {
  const nearest = nearestName(key, names);
  const hint = nearest
    ? `did you mean ${nearest}?`
    : "the schema and docs/trl.md list what is known";
  return new TypeError(`${place} is no known name; ${hint}`);
}

function missing(key: string, { help }: Setting<unknown>): TypeError {
  return new TypeError(`${key} is missing: ${help}`);
}

/** The JSON schema of objects that `readSettings` takes. */
export function settingsSchema<Values>(
  table: SettingsTable<Values>,
  options: ReadOptions = {},
): JsonSchema {
  const properties: Record<string, JsonSchema> = {};
  const required: JsonSchema[] = [];
  for (const [name, setting] of Object.entries<Setting<unknown>>(table)) {
    const spelled = [...spellings({ [name]: setting }).keys(), ...aliasesOf(name, options.aliases)];
    for (const key of spelled) properties[key] = orNull(setting);
    const isRequired = !("default" in setting) && !options.isPartial;
    if (isRequired) {
      required.push({ anyOf: [...new Set(spelled)].map((key) => ({ required: [key] })) });
    }
  }
  for (const { name, harmless, reason } of options.refused ?? []) {
    const values = harmless === "any" ? {} : { enum: [...harmless, null] };
    properties[name] ??= { description: `Only for TRL's files: ${reason}`, ...values };
  }
  return {
    type: "object",
    properties,
    additionalProperties: false,
    ...(required.length > 0 ? { allOf: required } : {}),
  };
}

function aliasesOf(name: string, aliases: ReadonlyMap<string, string> = new Map()): string[] {
  return [...aliases].filter(([, target]) => target === name).map(([alias]) => alias);
}

/** What must be given may not be null. */
function orNull(setting: Setting<unknown>): JsonSchema {
  const { schema, help } = setting;
  if (!("default" in setting)) return { description: help, ...schema };
  const value = setting.default;
  const isPlain = value !== null && value !== undefined && Number.isFinite(value) !== false;
  const told = ["string", "number", "boolean"].includes(typeof value) && isPlain;
  return {
    description: help,
    ...(told ? { default: value } : {}),
    anyOf: [schema, { type: "null" }],
  };
}
