/** Takes a schema's combinations apart: what `$ref`, `allOf`, `anyOf` and `oneOf` ask for at one place. Makes no rules. */
import type { JsonSchema } from "../constraint_spec.ts";
import { UnsupportedSchemaError } from "../unsupported_schema_error.ts";
import {
  checkKeywords,
  isSame,
  type KeywordPart,
  namedSchemasAt,
  pointer,
  referredPart,
  requiredAt,
  type SchemaPart,
  schemasAt,
  type SchemaType,
  textAt,
  typesAt,
  valuesAt,
} from "./keywords.ts";

/** Schemas whose own keywords all hold at one place; their combinations are taken apart already. */
export type Alternative = readonly KeywordPart[];

const MAX_ALTERNATIVES = 1_024;
/** Pairs of alternatives that are put together in all of a document. */
const MAX_PAIRS = 200_000;
/** Comparisons that show alternatives of `oneOf` to be apart. */
const MAX_COMPARISONS = 200_000;
const MAX_DEPTH = 128;

/** Keywords that say of which type a value is meant to be, where no `type` does. */
const TYPE_KEYWORDS: readonly (readonly [type: SchemaType, keywords: readonly string[]])[] = [
  ["object", ["properties", "required", "additionalProperties"]],
  ["array", ["items", "prefixItems", "minItems", "maxItems"]],
  ["string", ["pattern", "format", "minLength", "maxLength"]],
  ["number", ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"]],
];
/** Keywords that say something of a value themselves. */
const ASSERTIONS: readonly string[] = [
  ...["type", "enum", "const"],
  ...TYPE_KEYWORDS.flatMap(([, keywords]) => keywords),
];
const ALL_TYPES: readonly SchemaType[] = [
  ...["object", "array", "string", "number", "boolean", "null"] as const,
];

/** The combinations of one schema document. */
export class Alternatives {
  readonly #known = new Map<JsonSchema, readonly Alternative[]>();
  readonly #ids = new Map<JsonSchema, number>();
  readonly #open = new Set<JsonSchema>();
  #comparisons = 0;
  #pairs = 0;

  constructor(readonly document: JsonSchema) {}

  /** A value holds to all of the parts exactly where it holds to one of these; without any there is none. */
  of(parts: readonly SchemaPart[]): readonly Alternative[] {
    if (parts.length === 1) return this.#ofPart(parts[0]);
    return parts.reduce<readonly Alternative[]>(
      (all, part) => this.#product(all, this.#ofPart(part), part.path),
      [[]],
    );
  }

  /** The same for equal sets of schemas. */
  keyOf(alternative: Alternative): string {
    const ids = alternative.map(({ schema }) => {
      let id = this.#ids.get(schema);
      if (id === undefined) this.#ids.set(schema, id = this.#ids.size);
      return id;
    });
    return ids.sort((a, b) => a - b).join();
  }

  #ofPart(part: SchemaPart): readonly Alternative[] {
    const { schema, path } = part;
    if (typeof schema === "boolean") return schema ? [[]] : [];
    const known = this.#known.get(schema);
    if (known) return known;
    if (this.#open.has(schema)) {
      throw new UnsupportedSchemaError("The schema refers to itself without end", path);
    }
    if (this.#open.size >= MAX_DEPTH) {
      throw new UnsupportedSchemaError("Combinations are nested too deeply", path);
    }
    this.#open.add(schema);
    const alternatives = this.#combined({ schema, path });
    this.#open.delete(schema);
    this.#known.set(schema, alternatives);
    return alternatives;
  }

  #combined(part: KeywordPart): readonly Alternative[] {
    checkKeywords(part);
    let all: readonly Alternative[] = [
      ASSERTIONS.some((name) => name in part.schema) ? [part] : [],
    ];
    const add = (some: readonly Alternative[]) => all = this.#product(all, some, part.path);
    const reference = textAt(part, "$ref");
    if (reference !== undefined) {
      add(this.#ofPart(referredPart(this.document, reference, pointer(part.path, "$ref"))));
    }
    for (const each of schemasAt(part, "allOf") ?? []) add(this.#ofPart(each));
    const anyOf = schemasAt(part, "anyOf");
    if (anyOf) add(anyOf.flatMap((each) => this.#ofPart(each)));
    const oneOf = schemasAt(part, "oneOf");
    if (oneOf) add(this.#disjoint(oneOf, pointer(part.path, "oneOf")));
    return all;
  }

  /** Every pair put together, equal ones once. */
  #product(
    a: readonly Alternative[],
    b: readonly Alternative[],
    path: string,
  ): readonly Alternative[] {
    this.#pairs += a.length * b.length;
    if (this.#pairs > MAX_PAIRS) throw tooMany(path);
    const all = new Map<string, Alternative>();
    for (const one of a) {
      for (const other of b) {
        const pair = [...new Set([...one, ...other])];
        all.set(this.keyOf(pair), pair);
      }
    }
    if (all.size > MAX_ALTERNATIVES) throw tooMany(path);
    return [...all.values()];
  }

  #disjoint(parts: readonly SchemaPart[], path: string): readonly Alternative[] {
    const all = parts.map((part) => this.#ofPart(part));
    for (let i = 0; i < all.length; i++) {
      for (let j = 0; j < i; j++) {
        const isApart = all[i].every((a) => all[j].every((b) => this.#areDisjoint(a, b, 0)));
        if (isApart && this.#comparisons <= MAX_COMPARISONS) continue;
        throw new UnsupportedSchemaError(
          "A value may be of several schemas of oneOf; use anyOf, or tell them apart by a constant",
          path,
        );
      }
    }
    return all.flat();
  }

  /** Whether it is plain that no value holds to both. */
  #areDisjoint(a: Alternative, b: Alternative, depth: number): boolean {
    if (++this.#comparisons > MAX_COMPARISONS) return false;
    const others = allowedTypes(b);
    const shared = allowedTypes(a).filter((type) => others.some((other) => overlap(type, other)));
    if (shared.length === 0) return true;
    const [some, more] = [valuesOf(a), valuesOf(b)];
    this.#comparisons += (some?.length ?? 0) * (more?.length ?? 0);
    if (this.#comparisons > MAX_COMPARISONS) return false;
    if (some && more) return !some.some((value) => more.some((other) => isSame(value, other)));
    if (depth > 2 || shared.some((type) => type !== "object")) return false;
    const required = new Set(b.flatMap((part) => requiredAt(part)));
    return a.flatMap((part) => requiredAt(part)).some((name) => {
      if (!required.has(name)) return false;
      const [ours, theirs] = [a, b].map((side) => this.of(propertyParts(side, name)));
      return ours.every((x) => theirs.every((y) => this.#areDisjoint(x, y, depth + 1)));
    });
  }
}

function tooMany(path: string): UnsupportedSchemaError {
  return new UnsupportedSchemaError(
    `The schema has too many alternatives (${MAX_ALTERNATIVES} are allowed at one place)`,
    path,
  );
}

function propertyParts(alternative: Alternative, name: string): SchemaPart[] {
  return alternative.flatMap((part) => {
    const property = namedSchemasAt(part, "properties").get(name);
    return property ? [property] : [];
  });
}

function overlap(a: SchemaType, b: SchemaType): boolean {
  const isNumber = (type: SchemaType) => type === "number" || type === "integer";
  return a === b || (isNumber(a) && isNumber(b));
}

/** The types that a value may have. */
function allowedTypes(alternative: Alternative): readonly SchemaType[] {
  return alternative.map(typesAt).filter((types) => types !== undefined)
    .reduce<readonly SchemaType[]>(
      (
        types,
        more,
      ) => [...new Set(types.flatMap((type) => more.flatMap((other) => narrower(type, other))))],
      ALL_TYPES,
    );
}

/**
 * The types that a value is meant to have. Where none is named, those of which keywords speak: a schema with `properties`
 * alone means objects, though it allows all else.
 */
export function typesOf(alternative: Alternative): readonly SchemaType[] {
  if (alternative.every(({ schema }) => schema.type === undefined) && !valuesOf(alternative)) {
    const meant = TYPE_KEYWORDS.filter(([, keywords]) =>
      alternative.some(({ schema }) => keywords.some((keyword) => schema[keyword] !== undefined))
    );
    if (meant.length > 0) return meant.map(([type]) => type);
  }
  return allowedTypes(alternative);
}

function narrower(a: SchemaType, b: SchemaType): SchemaType[] {
  if (!overlap(a, b)) return [];
  return [a === "number" ? b : a];
}

/** The values that `enum` and `const` leave; undefined: they say nothing. */
export function valuesOf(alternative: Alternative): readonly unknown[] | undefined {
  return alternative.map(valuesAt).reduce(
    (all, some) =>
      all && some ? all.filter((value) => some.some((other) => isSame(value, other))) : all ?? some,
    undefined,
  );
}

/** Whether it speaks of what is in objects and lists. */
export function hasStructure(alternative: Alternative): boolean {
  const keywords = [...TYPE_KEYWORDS[0][1], ...TYPE_KEYWORDS[1][1]];
  return alternative.some(({ schema }) => keywords.some((k) => k in schema));
}
