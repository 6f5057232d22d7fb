/** Checks a value against a schema and says in a sentence which field is wrong. Reads no requests. */
import type { z } from "@hono/zod-openapi";
import { ApiError } from "./errors.ts";

type Issue = z.core.$ZodIssue;

/**
 * The value as the schema gives it.
 * @throws {ApiError} 400 naming the first field that is wrong
 */
export function validated<S extends z.ZodType>(schema: S, value: unknown): z.infer<S> {
  const result = schema.safeParse(value, { reportInput: true });
  if (result.success) return result.data;
  const issue = deepest(result.error.issues[0]);
  const param = pathOf(issue.path);
  throw new ApiError("invalid", `${param || "The body"} ${complaint(issue)}`, {
    param: param || undefined,
  });
}

/** Of a union's branches the one that went furthest, with its whole path. */
function deepest(issue: Issue): Issue {
  if (issue.code !== "invalid_union") return issue;
  const inner = issue.errors
    .map(([first]) => deepest(first))
    .map((found) => ({ ...found, path: [...issue.path, ...found.path] }));
  const best = inner.reduce<Issue>((a, b) => isFurther(b.path, a.path) ? b : a, issue);
  return best.path.length > issue.path.length ? best : issue;
}

/** Deeper, or at a later element. */
function isFurther(a: Issue["path"], b: Issue["path"]): boolean {
  if (a.length !== b.length) return a.length > b.length;
  const at = a.findIndex((key, i) => key !== b[i]);
  return at >= 0 && Number(a[at]) > Number(b[at]);
}

/** `messages[0].content`. */
function pathOf(path: readonly PropertyKey[]): string {
  return path
    .map((key) => typeof key === "number" ? `[${key}]` : `.${String(key)}`)
    .join("")
    .replace(/^\./, "");
}

function complaint(issue: Issue): string {
  const isMissing = /^invalid_(type|value|union)$/.test(issue.code) && issue.input === undefined;
  if (isMissing) return "is missing";
  switch (issue.code) {
    case "invalid_type":
      return `must be ${named(issue.expected)}, not ${kindOf(issue.input)}`;
    case "invalid_value":
      return `must be ${choice(issue.values)}`;
    case "invalid_union":
      return sizeComplaint(issue.errors) ??
        (issue.errors.length > 0
          ? `must be ${expectations(issue.errors)}, not ${kindOf(issue.input)}`
          : `must be ${choice("options" in issue ? issue.options ?? [] : [])}`);
    case "invalid_key":
      return complaint(issue.issues[0]);
    case "too_small":
      return `must be at least ${issue.minimum}${sized(issue.origin)}`;
    case "too_big":
      return `must be at most ${issue.maximum}${sized(issue.origin)}`;
    default:
      return issue.message;
  }
}

/** Of the branch that is of the right type: its size or form is wrong. */
function sizeComplaint(branches: readonly (readonly Issue[])[]): string | undefined {
  const found = branches.map(([first]) => first)
    .find(({ code, path }) =>
      path.length === 0 && /^(too_small|too_big|invalid_format)$/.test(code)
    );
  return found && complaint(found);
}

function choice(values: readonly unknown[]): string {
  const given = values.filter((value) => value !== undefined);
  return given.map((value) => JSON.stringify(value)).join(" or ");
}

function expectations(branches: readonly (readonly Issue[])[]): string {
  const found = branches.map(([first]) =>
    first.code === "invalid_type"
      ? named(first.expected)
      : complaint(first).replace(/^must be /, "")
  );
  return [...new Set(found)].join(" or ");
}

const NAMES: Readonly<Record<string, string>> = {
  ...{ int: "a whole number", number: "a number", string: "a string", boolean: "true or false" },
  ...{ array: "an array", tuple: "an array", object: "an object", record: "an object" },
};

function named(expected: string): string {
  return NAMES[expected] ?? expected;
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  if (typeof value === "number") return Number.isInteger(value) ? "a number" : `${value}`;
  return NAMES[typeof value] ?? typeof value;
}

function sized(origin: string): string {
  if (origin === "array") return " long";
  return origin === "string" ? " characters long" : "";
}
