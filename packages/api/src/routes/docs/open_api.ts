/** The part of an OpenAPI 3.1 document that the docs page reads, and examples out of its schemas. Renders nothing. */

/** A JSON Schema as it stands in a document. */
export interface SchemaObject {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly example?: unknown;
  readonly examples?: readonly unknown[];
  readonly default?: unknown;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, SchemaObject>>;
  readonly required?: readonly string[];
  readonly items?: SchemaObject;
  readonly anyOf?: readonly SchemaObject[];
  readonly oneOf?: readonly SchemaObject[];
  readonly allOf?: readonly SchemaObject[];
}

interface MediaType {
  readonly schema?: SchemaObject;
  readonly example?: unknown;
}

/** A parameter of the path or the query. */
export interface ParameterObject {
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
  readonly description?: string;
  readonly example?: unknown;
  readonly schema?: SchemaObject;
}

/** What a method of a path does. */
export interface OperationObject {
  readonly summary?: string;
  readonly description?: string;
  readonly tags?: readonly string[];
  readonly deprecated?: boolean;
  readonly security?: readonly unknown[];
  readonly parameters?: readonly ParameterObject[];
  readonly requestBody?: { readonly content?: Readonly<Record<string, MediaType>> };
  readonly responses?: Readonly<Record<string, { readonly description?: string }>>;
}

/** A document. */
export interface OpenApiDocument {
  readonly info: {
    readonly title: string;
    readonly version: string;
    readonly description?: string;
  };
  readonly security?: readonly unknown[];
  readonly paths?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly components?: { readonly schemas?: Readonly<Record<string, SchemaObject>> };
}

/** A method of a path. */
export interface Endpoint {
  readonly method: string;
  readonly path: string;
  readonly operation: OperationObject;
}

const METHODS = ["get", "post", "put", "patch", "delete", "head"];
/** Schemas may contain themselves. */
const MAX_DEPTH = 6;

/** All endpoints in the document's order. */
export function endpointsOf({ paths = {} }: OpenApiDocument): Endpoint[] {
  return Object.entries(paths).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method] !== undefined)
      .map((method) => ({ method, path, operation: item[method] as OperationObject }))
  );
}

/** The schema that a reference means; without one, or where it leads nowhere, the schema itself. */
export function resolved(schema: SchemaObject, document: OpenApiDocument): SchemaObject {
  const name = schema.$ref?.replace("#/components/schemas/", "");
  const target = name === undefined ? undefined : document.components?.schemas?.[name];
  return target ? resolved(target, document) : schema;
}

/** The path with the examples of its parameters, as far as there are any. */
export function examplePath({ path, operation }: Endpoint): string {
  return path.replaceAll(/\{(\w+)\}/g, (braced, name) => {
    const parameter = operation.parameters?.find((one) => one.name === name);
    const example = parameter?.example ?? parameter?.schema?.example;
    return example === undefined ? braced : encodeURIComponent(String(example));
  });
}

/** An example of a request's body; undefined where it takes none. */
export function bodyExample({ operation }: Endpoint, document: OpenApiDocument): unknown {
  const media = operation.requestBody?.content?.["application/json"];
  if (!media) return undefined;
  return media.example ?? exampleOf(media.schema ?? {}, document);
}

/** A value of a schema: its example, else the smallest one; of objects what is required or has an example. */
export function exampleOf(schema: SchemaObject, document: OpenApiDocument, depth = 0): unknown {
  const { example, examples, default: byDefault, const: constant, enum: words, ...rest } = resolved(
    schema,
    document,
  );
  const given = [example, examples?.[0], byDefault, constant, words?.[0]];
  const found = given.find((value) => value !== undefined);
  if (found !== undefined || depth > MAX_DEPTH) return found;
  const [part] = rest.anyOf ?? rest.oneOf ?? rest.allOf ?? [];
  if (part && !rest.properties) return exampleOf(part, document, depth + 1);
  switch ([rest.type].flat()[0]) {
    case "string":
      return "";
    case "number":
    case "integer":
      return 0;
    case "boolean":
      return false;
    case "array":
      return rest.items ? [exampleOf(rest.items, document, depth + 1)] : [];
    default:
      return objectExample(rest, document, depth);
  }
}

function objectExample(
  { properties = {}, required = [] }: SchemaObject,
  document: OpenApiDocument,
  depth: number,
): unknown {
  const shown = Object.entries(properties).filter(([name, property]) =>
    required.includes(name) || resolved(property, document).example !== undefined
  );
  return Object.fromEntries(
    shown.map(([name, property]) => [name, exampleOf(property, document, depth + 1)]),
  );
}

/** A schema's type in a few words. */
export function typeWords(schema: SchemaObject, document: OpenApiDocument, depth = 0): string {
  const { type, enum: words, const: constant, items, ...rest } = resolved(schema, document);
  if (depth > MAX_DEPTH) return "any";
  if (constant !== undefined) return JSON.stringify(constant);
  if (words) return words.map((word) => JSON.stringify(word)).join(" | ");
  const parts = rest.anyOf ?? rest.oneOf;
  if (parts) {
    return [...new Set(parts.map((part) => typeWords(part, document, depth + 1)))].join(" | ");
  }
  const names = [type ?? "any"].flat();
  return names.map((name) =>
    name === "array" && items ? `${typeWords(items, document, depth + 1)}[]` : name
  ).join(" | ");
}
