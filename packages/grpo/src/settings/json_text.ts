/** JSON with comments and trailing commas to values, with line numbers in errors. Checks no meaning. */
import { type Node, type ParseError, parseTree, printParseErrorCode } from "jsonc-parser";

/**
 * The value of a JSON or JSONC text; `name` stands in messages.
 * @throws {SyntaxError} naming line and column of the first mistake, and a key that an object has twice
 */
export function readJsonText(text: string, name: string): unknown {
  const errors: ParseError[] = [];
  const source = text.replace(/^\ufeff/, "");
  if (source.trim() === "") throw new SyntaxError(`${name} is empty, it must be a JSON object`);
  const root = parseTree(source, errors, { allowTrailingComma: true });
  const at = (offset: number): string => {
    const lines = source.slice(0, offset).split("\n");
    return `${name}:${lines.length}:${lines[lines.length - 1].length + 1}`;
  };
  const [first] = errors;
  if (first) {
    const what = printParseErrorCode(first.error).replace(/([a-z])([A-Z])/g, "$1 $2").toLowerCase();
    throw new SyntaxError(`${at(first.offset)}: ${what}: it must be JSON, comments are allowed`);
  }
  if (!root) throw new SyntaxError(`${name} is empty, it must be a JSON object`);
  return valueOf(root, at);
}

function valueOf(node: Node, at: (offset: number) => string): unknown {
  if (node.type === "array") return node.children?.map((child) => valueOf(child, at)) ?? [];
  if (node.type !== "object") return node.value;
  const entries = new Map<string, unknown>();
  for (const { children: [key, value] = [] } of node.children ?? []) {
    if (entries.has(key.value)) {
      throw new SyntaxError(`${at(key.offset)}: ${JSON.stringify(key.value)} is given twice`);
    }
    entries.set(key.value, valueOf(value, at));
  }
  return Object.fromEntries(entries);
}
