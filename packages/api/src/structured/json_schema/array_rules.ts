/** Lists of a schema, item by item. Knows no other type. */
import type { Rule } from "../automaton/grammar.ts";
import { UnsupportedSchemaError } from "../unsupported_schema_error.ts";
import type { Alternative } from "./alternatives.ts";
import { countAt, pointer, schemaAt, type SchemaPart, schemasAt } from "./keywords.ts";
import type { ValueRules } from "./value_rules.ts";

/** Each item that is counted has nodes of its own. */
const MAX_ITEMS = 4_096;

/** What an alternative says of lists. */
interface ListShape {
  readonly min: number;
  /** `Infinity`: no bound. */
  readonly max: number;
  /** How many items have schemas of their own. */
  readonly prefixLength: number;
  itemParts(index: number): readonly SchemaPart[];
}

/** Where `items` does not say else, a list with `prefixItems` has no more than these, if `minItems` allows. */
function shapeOf(alternative: Alternative): ListShape {
  let [min, max] = [0, Infinity];
  for (const part of alternative) {
    if (Array.isArray(part.schema.items)) {
      throw new UnsupportedSchemaError(
        "A list of items is not supported; use prefixItems",
        pointer(part.path, "items"),
      );
    }
    for (const keyword of ["minItems", "maxItems"]) {
      if ((countAt(part, keyword) ?? 0) <= MAX_ITEMS) continue;
      throw new UnsupportedSchemaError(
        `${keyword} over ${MAX_ITEMS} is not supported`,
        pointer(part.path, keyword),
      );
    }
    min = Math.max(min, countAt(part, "minItems") ?? 0);
    max = Math.min(max, countAt(part, "maxItems") ?? Infinity);
  }
  const prefixes = alternative.map((part) => schemasAt(part, "prefixItems") ?? []);
  const items = alternative.map((part) => schemaAt(part, "items"));
  const prefixLength = Math.max(...prefixes.map(({ length }) => length));
  if (prefixLength > 0 && items.every((part) => part === undefined)) {
    max = Math.min(max, Math.max(min, prefixLength));
  }
  const itemParts = (index: number): readonly SchemaPart[] =>
    prefixes.map((prefix, i) => prefix[index] ?? items[i]).filter((part) => part !== undefined);
  return { min, max, prefixLength, itemParts };
}

/** `item[i]` is before item `i`, `after[i]` behind it; the last of them loops where there is no bound. */
export function addArray(values: ValueRules, rule: Rule, alternative: Alternative): void {
  const { json, grammar } = values;
  const { min, max, prefixLength, itemParts } = shapeOf(alternative);
  const [opened, closing] = [grammar.addNode(), grammar.addNode()];
  grammar.addText(rule.start, "[", opened);
  grammar.addText(closing, "]", rule.end);
  if (min === 0) json.addWhitespace(opened, closing);
  const unrolled = max === Infinity ? Math.max(min, prefixLength, 0) + 1 : max;
  let before = opened;
  for (let i = 0; i < unrolled; i++) {
    const [item, after, comma] = [grammar.addNode(), grammar.addNode(), grammar.addNode()];
    json.addWhitespace(before, item);
    values.addValue(item, itemParts(i), after);
    if (i + 1 >= min) json.addWhitespace(after, closing);
    const isLoop = max === Infinity && i === unrolled - 1;
    if (isLoop || i + 1 < unrolled) grammar.addText(after, ",", comma);
    if (isLoop) json.addWhitespace(comma, item);
    before = comma;
  }
}
