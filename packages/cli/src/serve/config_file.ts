/** Reads the file of `aha serve --config`: models with names and prices, keys with limits, and options as on the command line. */
import * as fs from "node:fs";
import { z } from "zod";
import { type OptionSpec, type OptionValues, UsageError } from "../command.ts";

/** As the command line has it: text. */
const scalar = z.union([z.string(), z.number()]).transform(String);

const prices = z.strictObject({
  currency: z.string().min(1),
  cacheHit: z.number().min(0),
  cacheMiss: z.number().min(0),
  output: z.number().min(0),
});

const modelEntry = z.strictObject({
  model: z.string().min(1),
  name: z.string().min(1).optional(),
  aliases: z.array(z.string().min(1)).optional(),
  prices: prices.optional(),
  ctx: scalar.optional(),
  threads: scalar.optional(),
  memory: scalar.optional(),
  "kv-type": scalar.optional(),
  "idle-timeout": scalar.optional(),
  lora: z.array(z.string()).optional(),
});

const apiKey = z.strictObject({
  name: z.string().min(1),
  key: z.string().min(1),
  requestsPerMinute: z.number().positive().optional(),
  tokensPerMinute: z.number().positive().optional(),
});

/** A model of the file; its options are named as on the command line. */
export type ConfiguredModel = z.infer<typeof modelEntry>;

/** What the file says. */
export interface ConfigFile {
  readonly models: readonly ConfiguredModel[];
  readonly apiKeys: readonly z.infer<typeof apiKey>[];
  readonly values: OptionValues;
}

/**
 * Reads the file; `options` are those that it may give besides models and keys.
 * @throws {UsageError} if it says what makes no sense, naming the place
 */
export function readConfigFile(
  path: string,
  options: Readonly<Record<string, OptionSpec>>,
): ConfigFile {
  const fields = Object.entries(options).map((
    [name, { type, multiple }],
  ) => [name, (type === "boolean" ? z.boolean() : multiple ? z.array(scalar) : scalar).optional()]);
  const schema = z.strictObject({
    models: z.array(modelEntry).default([]),
    apiKeys: z.array(apiKey).default([]),
    ...Object.fromEntries(fields),
  });
  const parsed = schema.safeParse(readJson(path));
  if (!parsed.success) {
    const [{ path: place, message }] = parsed.error.issues;
    throw new UsageError(`${path}${place.length > 0 ? `: ${place.join(".")}` : ""}: ${message}`);
  }
  const { models, apiKeys, ...values } = parsed.data as Pick<ConfigFile, "models" | "apiKeys">;
  return { models, apiKeys, values };
}

function readJson(path: string): unknown {
  const text = read(path);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UsageError(`${path} is not valid JSON: ${(error as Error).message}`);
  }
}

function read(path: string): string {
  try {
    return fs.readFileSync(path, "utf8");
  } catch (error) {
    const { code } = error as { readonly code?: string };
    const reason = code === "ENOENT" ? "there is no such file" : (error as Error).message;
    throw new Error(`Cannot read ${path}: ${reason}`);
  }
}
