/** A reward for JSON that holds to a schema. Constrains no sampling. */
import { answerPart } from "../columns.ts";
import type { RewardFunction } from "../reward.ts";
import { scoreRows } from "../row_errors.ts";

/** Options of the reward. */
export interface JsonSchemaOptions {
  /** Draft 2020-12. Its patterns are run as they are: trust it as you trust code. */
  readonly schema?: Readonly<Record<string, unknown>>;
  /** Column with each row's own schema (an object, or JSON). */
  readonly column?: string;
  /** Reward of JSON that does not hold to it. Default 0. */
  readonly invalid?: number;
}

/**
 * 1 if the answer is JSON that holds to the schema, `invalid` if it is other JSON, 0 if it is none. The answer is the text behind the
 * last `</think>`, all of it without that tag; a Markdown fence around it is taken off.
 *
 * Checked by @cfworker/json-schema, which is loaded when first used. Throws a TypeError unless there is a schema or a column.
 */
export function jsonSchemaReward(
  { schema, column, invalid = 0 }: JsonSchemaOptions,
): RewardFunction {
  if ((schema === undefined) === (column === undefined)) {
    throw new TypeError("json_schema needs a schema, or a column that holds each row's own");
  }
  return async (batch, tools) => {
    const { Validator } = await import("@cfworker/json-schema");
    const shared = schema && new Validator(schema, "2020-12");
    const score = scoreRows(({ completion, columns }) => {
      const validator = shared ?? new Validator(schemaOf(columns[column!], column!), "2020-12");
      const text = unfenced(answerPart(completion) ?? completion);
      let value: unknown;
      try {
        value = JSON.parse(text);
      } catch {
        return 0;
      }
      return validator.validate(value).valid ? 1 : invalid;
    });
    return score(batch, tools);
  };
}

function unfenced(text: string): string {
  return /^\s*```(?:json)?\s*\n([^]*?)\n?```\s*$/.exec(text)?.[1] ?? text;
}

function schemaOf(value: unknown, column: string): Record<string, unknown> {
  const schema: unknown = typeof value === "string" ? JSON.parse(value) : value;
  if (typeof schema === "object" && schema !== null && !Array.isArray(schema)) {
    return schema as Record<string, unknown>;
  }
  throw new TypeError(`column ${column} holds no schema, it must be an object or its JSON`);
}
