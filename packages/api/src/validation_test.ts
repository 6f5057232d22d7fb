/** Tests of validation.ts. */
import { assertEquals, assertThrows } from "@std/assert";
import { z } from "@hono/zod-openapi";
import { ApiError } from "./errors.ts";
import { validated } from "./validation.ts";

const schema = z.object({
  count: z.int().min(1).max(9).nullish(),
  kind: z.enum(["a", "b"]).nullish(),
  text: z.union([z.string(), z.array(z.object({ type: z.literal("text"), text: z.string() }))]),
  items: z.array(z.string().min(1)).max(2).nullish(),
  byId: z.record(z.string().regex(/^\d+$/, "is no id"), z.number()).optional(),
  pair: z.tuple([z.number(), z.number()]).optional(),
  some: z.union([z.string().min(1), z.array(z.string()).max(3)]).nullish(),
  list: z.union([z.array(z.number()), z.array(z.string())]).nullish(),
  shape: z.discriminatedUnion("type", [
    z.object({ type: z.literal("x"), size: z.number() }),
    z.object({ type: z.literal("y") }),
  ]).nullish(),
});

/** Value, message and param. */
const TABLE: readonly [unknown, string, string | undefined][] = [
  [5, "The body must be an object, not a number", undefined],
  [[], "The body must be an object, not an array", undefined],
  [{}, "text is missing", "text"],
  [{ text: 5 }, "text must be a string or an array, not a number", "text"],
  [{ text: [{ type: "text" }] }, "text[0].text is missing", "text[0].text"],
  [{ text: [{ type: "image" }] }, 'text[0].type must be "text"', "text[0].type"],
  [{ text: "", count: "1" }, "count must be a number, not a string", "count"],
  [{ text: "", count: 1.5 }, "count must be a whole number, not 1.5", "count"],
  [{ text: "", count: 0 }, "count must be at least 1", "count"],
  [{ text: "", count: 10 }, "count must be at most 9", "count"],
  [{ text: "", kind: "c" }, 'kind must be "a" or "b"', "kind"],
  [{ text: "", items: ["a", "b", "c"] }, "items must be at most 2 long", "items"],
  [{ text: "", items: [""] }, "items[0] must be at least 1 characters long", "items[0]"],
  [{ text: "", some: Array(4).fill("a") }, "some must be at most 3 long", "some"],
  [{ text: "", some: "" }, "some must be at least 1 characters long", "some"],
  [{ text: "", some: 5 }, "some must be a string or an array, not a number", "some"],
  [{ text: "", list: ["a", 5] }, "list[1] must be a string, not a number", "list[1]"],
  [{ text: "", list: [5, "a"] }, "list[1] must be a number, not a string", "list[1]"],
  [{ text: "", shape: { type: "z" } }, 'shape.type must be "x" or "y"', "shape.type"],
  [{ text: "", shape: { type: "x" } }, "shape.size is missing", "shape.size"],
  [{ text: "", byId: { x: 1 } }, "byId.x is no id", "byId.x"],
  [{ text: "", pair: 5 }, "pair must be an array, not a number", "pair"],
];

Deno.test("validated: a sentence that names the field and what it must be", () => {
  for (const [value, message, param] of TABLE) {
    const error = assertThrows(() => validated(schema, value), ApiError) as ApiError;
    assertEquals([error.message, error.kind, error.details.param], [message, "invalid", param]);
  }
});

Deno.test("validated: fields that are not known are left out, null is taken for open", () => {
  const found = validated(schema, { text: "a", count: null, other: 5 });
  assertEquals(found, { text: "a", count: null });
});
