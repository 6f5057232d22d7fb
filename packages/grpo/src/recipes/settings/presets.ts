/** A column of the settings' table as settings, and with some of them changed. Holds no value. */
import {
  PRESET_NAMES,
  type PresetName,
  type Row,
  SHARED_ROWS,
  STAGE_ROWS,
} from "./settings_table.ts";
import type { RecipeSettings } from "./settings.ts";

/**
 * The settings of a preset: `ci` (a dense model of 0.1M parameters on sums, in one language), `mini` (the same model, two
 * languages and a general task: the whole recipe in minutes), `nano` (mixture of experts, 1.5M without its layer for
 * multi-token prediction) and `micro` (9.3M).
 *
 * @throws {RangeError} for a name that there is not
 *
 * @example
 * ```ts
 * import { recipeSettings } from "@aha/grpo/recipes";
 *
 * console.log(recipeSettings("nano").r1_zero.learningRate);
 * ```
 */
export function recipeSettings(preset: string): RecipeSettings {
  const at = PRESET_NAMES.indexOf(preset as PresetName);
  if (at < 0) {
    throw new RangeError(`preset is ${preset}, it must be one of ${PRESET_NAMES.join(", ")}`);
  }
  const stages = Object.entries(STAGE_ROWS).map(([name, rows]) => [name, column(rows, at)]);
  // The table's type has the settings' names and values.
  return { ...column(SHARED_ROWS, at), ...Object.fromEntries(stages) } as unknown as RecipeSettings;
}

function column(rows: Readonly<Record<string, Row<unknown>>>, at: number): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(rows).map(([name, [, ...values]]) => [name, values[at]]),
  );
}

/** Changes of some settings of some stages. */
export type SettingChanges = {
  readonly [Name in keyof RecipeSettings]?: RecipeSettings[Name] extends readonly unknown[] | number
    ? RecipeSettings[Name]
    : Partial<RecipeSettings[Name]>;
};

/**
 * Settings with some of them changed.
 * @throws {RangeError} naming the first one that there is not
 */
export function changedSettings(settings: RecipeSettings, changes: SettingChanges): RecipeSettings {
  const changed: Record<string, unknown> = { ...settings };
  for (const [name, value] of Object.entries(changes)) {
    const before = changed[name];
    expectKnown(changed, name, "");
    // Levels are those of tasks, which need not be there before.
    if (isRecord(before) && isRecord(value) && name !== "levels") {
      for (const key of Object.keys(value)) expectKnown(before, key, `${name}.`);
      changed[name] = { ...before, ...value };
    } else {
      changed[name] = value;
    }
  }
  return changed as unknown as RecipeSettings;
}

function expectKnown(known: object, name: string, path: string): void {
  if (name in known) return;
  throw new RangeError(
    `${path}${name} is no setting of the recipe; there are ${Object.keys(known).join(", ")}`,
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
