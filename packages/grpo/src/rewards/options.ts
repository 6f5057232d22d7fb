/** Reads options of rewards out of plain config objects, in either spelling, and refuses what is unknown or wrong. Knows no reward. */

/** What an option may be. */
export interface OptionRule {
  /** For messages: "a whole number above 0". */
  readonly wanted: string;
  readonly accepts: (value: unknown) => boolean;
  readonly isRequired?: boolean;
}

/** Rules by name in TypeScript's spelling. */
export type OptionRules = Readonly<Record<string, OptionRule>>;

const isNumber = (value: unknown): value is number =>
  typeof value === "number" && Number.isFinite(value);

export const finiteNumber: OptionRule = { wanted: "a finite number", accepts: isNumber };
export const positiveNumber: OptionRule = {
  wanted: "a number above 0",
  accepts: (value) => isNumber(value) && value > 0,
};
export const count: OptionRule = {
  wanted: "a whole number above 0",
  accepts: (value) => Number.isSafeInteger(value) && (value as number) > 0,
};
export const countOrZero: OptionRule = {
  wanted: "a whole number of at least 0",
  accepts: (value) => Number.isSafeInteger(value) && (value as number) >= 0,
};
export const text: OptionRule = {
  wanted: "a text",
  accepts: (value) => typeof value === "string" && value !== "",
};
export const flag: OptionRule = {
  wanted: "true or false",
  accepts: (value) => typeof value === "boolean",
};
export const texts: OptionRule = {
  wanted: "a list of texts",
  accepts: (value) => Array.isArray(value) && value.length > 0 && value.every(text.accepts),
};
export const range: OptionRule = {
  wanted: "a list of two numbers, the lower one first",
  accepts: (value) =>
    Array.isArray(value) && value.length === 2 && value.every(isNumber) && value[0] < value[1],
};
export const object: OptionRule = {
  wanted: "an object",
  accepts: (value) => typeof value === "object" && value !== null && !Array.isArray(value),
};

export function oneOf(...choices: readonly string[]): OptionRule {
  return {
    wanted: `one of ${choices.join(", ")}`,
    accepts: (value) => choices.includes(value as string),
  };
}

export function required(rule: OptionRule): OptionRule {
  return { ...rule, isRequired: true };
}

/**
 * The options with their names in TypeScript's spelling; `null` counts as left out.
 *
 * Throws a TypeError for an option that is unknown, given twice, missing or wrong; it names the reward, the option, and what is allowed.
 */
export function readOptions(
  reward: string,
  given: Readonly<Record<string, unknown>>,
  rules: OptionRules,
): Readonly<Record<string, unknown>> {
  const options: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(given)) {
    const name = camelCase(key);
    const rule = Object.hasOwn(rules, name) ? rules[name] : undefined;
    if (!rule) {
      const known = Object.keys(rules).map(snakeCase).join(", ") || "none";
      throw new TypeError(`reward ${reward} has no option ${key}, it has ${known}`);
    }
    if (value === null || value === undefined) continue;
    if (name in options) throw new TypeError(`reward ${reward} has ${key} twice, in two spellings`);
    if (!rule.accepts(value)) {
      const shown = JSON.stringify(value) ?? String(value);
      throw new TypeError(`${key} of reward ${reward} is ${shown}, it must be ${rule.wanted}`);
    }
    options[name] = value;
  }
  for (const [name, { isRequired, wanted }] of Object.entries(rules)) {
    if (isRequired && !(name in options)) {
      throw new TypeError(`reward ${reward} has no ${snakeCase(name)}, it must be ${wanted}`);
    }
  }
  return options;
}

function camelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
