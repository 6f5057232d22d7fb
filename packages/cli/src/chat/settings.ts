/** Changes the settings of a conversation by name, as the command line would have set them. Keeps none. */
import { type OptionValues, UsageError } from "../command.ts";
import { generationOptions, generationOptionSpecs } from "../generation_options.ts";
import { nearestName } from "./nearest_name.ts";

/** Names that `/set` knows, in the order of the help text. */
export const settingNames: readonly string[] = Object.keys(generationOptionSpecs)
  .filter((name) => name !== "system");

/** Takes a setting back to its default. */
const DEFAULT = "auto";

/**
 * The settings with one changed; `auto` takes it back to its default.
 * @throws {UsageError} if there is no such setting, or the value is not allowed; `usage` is how the user has named it
 */
export function withSetting(
  settings: OptionValues,
  name: string,
  text: string,
  usage: string,
): OptionValues {
  if (!settingNames.includes(name)) {
    const near = nearestName(name, settingNames);
    const hint = near ? `did you mean ${near}?` : `settings are ${settingNames.join(", ")}`;
    throw new UsageError(`unknown setting ${JSON.stringify(name)}; ${hint}`);
  }
  const changed = { ...settings, [name]: text === DEFAULT ? undefined : valueOf(name, text) };
  try {
    generationOptions(changed);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(error.message.replace(`--${name}`, usage));
  }
  return changed;
}

function valueOf(name: string, text: string): string | boolean | string[] {
  const { type, multiple } = generationOptionSpecs[name];
  if (type === "string") return multiple ? [text] : text;
  if (text === "on" || text === "off") return text === "on";
  throw new UsageError(
    `${name} ${JSON.stringify(text)} is not allowed; give on, off or ${DEFAULT}`,
  );
}

/** A setting as text, `auto` where it is the default. */
export function settingText(settings: OptionValues, name: string): string {
  const value = settings[name];
  if (value === undefined) return DEFAULT;
  if (typeof value === "boolean") return value ? "on" : "off";
  return typeof value === "string" ? value : value.map((text) => JSON.stringify(text)).join(" ");
}
