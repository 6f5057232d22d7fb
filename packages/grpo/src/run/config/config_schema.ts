/** The JSON schema and the list of TRL's names, made from the settings that the reader reads by. Reads no configuration. */
import type { JsonSchema } from "../../settings/field.ts";
import { list, number } from "../../settings/field.ts";
import { settingsSchema } from "../../settings/settings_table.ts";
import { snakeCase } from "../../settings/spelling.ts";
import { lora } from "./entry_fields.ts";
import { PRESETS } from "./presets.ts";
import { ALIASES, GRPO_SETTINGS, SFT_ALIASES, SFT_SETTINGS } from "./run_settings.ts";
import { REFUSED_NAMES } from "./trl_names.ts";

const LORA = (lora.schema as { properties: Record<string, JsonSchema> }).properties;

/** What the reader moves to its place (`flat_names.ts`). */
const FLAT: Readonly<Record<string, JsonSchema>> = {
  lora_r: LORA.lora_r,
  lora_alpha: LORA.lora_alpha,
  lora_dropout: LORA.lora_dropout,
  lora_target_modules: LORA.lora_target_modules,
  use_rslora: LORA.use_rslora,
  use_peft: { type: ["boolean", "null"], description: "adapters with all defaults; see lora" },
};

const WEIGHTS: JsonSchema = {
  description: "TRL's weights of rewards, one for each",
  anyOf: [list(number(), "").schema, { type: "null" }],
};

/** The schema of configuration files (JSON Schema 2020-12). What must fit together is left to the reader. */
export function runConfigSchema(): JsonSchema {
  const refused = REFUSED_NAMES;
  const grpo = settingsSchema(GRPO_SETTINGS, { aliases: ALIASES, refused });
  const sft = settingsSchema(SFT_SETTINGS, { aliases: SFT_ALIASES, refused });
  const presets = PRESETS.map(({ name }) => name);
  return withShared({
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Configuration of aha train",
    if: { properties: { kind: { const: "sft" } }, required: ["kind"] },
    then: withNames(sft, { kind: { const: "sft" } }),
    else: withNames(grpo, {
      kind: { const: "grpo", description: "kind of the run", default: "grpo" },
      preset: { description: "published settings", enum: [...presets, null] },
      reward_weights: WEIGHTS,
      rewardWeights: WEIGHTS,
    }),
  });
}

/** Shorter ones are written out. */
const LEAST_SHARED = 60;

/** Schemas of names that stand more than once are written once, under `$defs`. */
function withShared(
  schema: { readonly then: JsonSchema; readonly else: JsonSchema } & JsonSchema,
): JsonSchema {
  const uses = new Map<string, { readonly name: string; count: number }>();
  const parts = [schema.then, schema.else].map(({ properties }) => properties as object);
  for (const [name, value] of parts.flatMap(Object.entries)) {
    const use = uses.get(JSON.stringify(value)) ?? { name, count: 0 };
    use.count++;
    uses.set(JSON.stringify(value), use);
  }
  const shared = [...uses].filter(([text, { count }]) => count > 1 && text.length > LEAST_SHARED);
  const taken = new Set<string>();
  const places = new Map(shared.map(([text, { name }]) => {
    const place = taken.has(name) ? `${name}_of_sft` : name;
    taken.add(place);
    return [text, place];
  }));
  const linked = (part: JsonSchema): JsonSchema => {
    const entries = Object.entries(part.properties as object).map(([name, value]) => {
      const place = places.get(JSON.stringify(value));
      return [name, place ? { $ref: `#/$defs/${place}` } : value];
    });
    return { ...part, properties: Object.fromEntries(entries) };
  };
  const $defs = Object.fromEntries([...places].map(([text, place]) => [place, JSON.parse(text)]));
  return { ...schema, then: linked(schema.then), else: linked(schema.else), $defs };
}

function withNames(schema: JsonSchema, names: Record<string, JsonSchema>): JsonSchema {
  const known = schema.properties as Record<string, JsonSchema>;
  return {
    ...schema,
    patternProperties: { "^\\$": {} },
    properties: { ...names, ...known, ...FLAT },
  };
}

/** TRL's names and what they are here, as Markdown. */
export function trlNames(): string {
  return [
    "## Same name",
    ...Object.entries(GRPO_SETTINGS).filter(([name]) => !OWN.has(name)).map(sameName),
    "",
    "## Another name here",
    "Taken under both.",
    "",
    ...renamed().map(([trl, own]) => `- \`${trl}\` is \`${own}\``),
    "",
    "## Taken where it changes nothing, else refused",
    "After a name stand the values that are taken, besides `null`.",
    "",
    ...refusals(),
    "",
    "## Only here",
    ...[...OWN].map((name) => `- \`${snakeCase(name)}\`: ${helpOf(name)}`),
    "",
  ].join("\n");
}

/** Values that TRL does not have. */
const OWN = new Set([
  "model",
  "lora",
  "adapter",
  "task",
  "rewards",
  "systemPrompt",
  "guards",
  "microBatchTokens",
  "numSamples",
  "threads",
]);

const LORA_PLACES: Readonly<Record<string, string>> = {
  lora_r: "rank",
  lora_alpha: "alpha",
  lora_dropout: "dropout",
  lora_target_modules: "targets",
  use_rslora: "rslora",
};

function helpOf(name: string): string {
  return Object.entries(GRPO_SETTINGS).find(([other]) => other === name)?.[1].help ?? "";
}

function sameName([name, setting]: [string, { help: string; default?: unknown }]): string {
  const { default: value } = setting;
  const isTold = value !== null && value !== undefined && value !== Infinity;
  const told = isTold ? ` (default ${JSON.stringify(value)})` : "";
  return `- \`${snakeCase(name)}\`: ${setting.help}${told}`;
}

function renamed(): [trl: string, own: string][] {
  return [
    ...[...ALIASES].map(([trl, name]): [string, string] => [trl, snakeCase(name)]),
    ...Object.entries(LORA_PLACES).map(([trl, place]): [string, string] => [trl, `lora.${place}`]),
    ["reward_weights", "rewards[].weight"],
  ];
}

/** One paragraph a reason. */
function refusals(): string[] {
  return [...new Set(REFUSED_NAMES.map(({ reason }) => reason))].map((reason) => {
    const names = REFUSED_NAMES.filter((other) => other.reason === reason).map((refused) => {
      const { harmless } = refused;
      const told = harmless === "any"
        ? []
        : harmless.map((value) => `\`${JSON.stringify(value)}\``);
      const values = harmless === "any" ? "any" : told.join(" or ");
      return `\`${refused.name}\`${values ? ` (${values})` : ""}`;
    });
    return `- ${reason}: ${names.join(", ")}`;
  });
}
