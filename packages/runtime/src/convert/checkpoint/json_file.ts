/** Reads the JSON files of a model folder, bounded, with the place of a mistake. Knows no keys. */
import { CheckpointError } from "../../errors.ts";
import type { ByteSource } from "../../gguf/mod.ts";
import type { ModelFolder } from "./folder.ts";
import { findJsonProblem, type JsonProblem } from "./json_scan.ts";

/** An object as JSON.parse gives it. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** tokenizer.json of 250,000 tokens stays under 40 MB. */
const MAX_FILE_BYTES = 256 * 1024 * 1024;

/** Whether a value is an object, and no list. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * The object in a file, or `undefined` where the folder has no such file.
 * @throws {CheckpointError} if it holds no JSON object, with line and column
 * @throws {SourceError} if it cannot be read
 */
export async function readJsonFile(
  folder: ModelFolder,
  fileName: string,
  signal?: AbortSignal,
): Promise<JsonObject | undefined> {
  const text = await readTextFile(folder, fileName, signal);
  return text === undefined ? undefined : parseObject(text, `${folder.name}/${fileName}`);
}

/** The text of a file, or `undefined` where there is none; throws as `readJsonFile` does, also where it is no UTF-8. */
export async function readTextFile(
  folder: ModelFolder,
  fileName: string,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const source = await folder.open(fileName);
  if (!source) return undefined;
  try {
    if (source.sizeBytes > MAX_FILE_BYTES) {
      throw new CheckpointError(
        `${source.name} has ${source.sizeBytes} bytes, more than the ${MAX_FILE_BYTES} allowed`,
        source.name,
      );
    }
    return await readText(source, 0, source.sizeBytes, signal);
  } finally {
    await source.close();
  }
}

/** Bytes of a source as text; throws a CheckpointError where they are no UTF-8. */
export async function readText(
  source: ByteSource,
  offset: number,
  sizeBytes: number,
  signal?: AbortSignal,
): Promise<string> {
  const bytes = new Uint8Array(sizeBytes);
  await source.read(offset, bytes, signal);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw new CheckpointError(`${source.name} holds text that is no UTF-8`, source.name, {
      cause: error,
    });
  }
}

/** An object whose levels are few and whose names are all different; throws as `parseObject` does. */
export function parseStrictObject(text: string, where: string): JsonObject {
  const problem = findJsonProblem(text);
  if (problem) throw badJson(text, where, problem);
  return parseObject(text, where);
}

/** The object that a text holds; throws a CheckpointError that names `where`, line and column. */
export function parseObject(text: string, where: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw badJson(text, where, findJsonProblem(text) ?? { offset: 0, what: String(error) });
  }
  if (isObject(value)) return value;
  throw new CheckpointError(`${where} holds no JSON object`, where);
}

function badJson(text: string, where: string, { offset, what }: JsonProblem): CheckpointError {
  return new CheckpointError(`${where} is no JSON: ${what} at ${place(text, offset)}`, where);
}

/** Line and column of an offset, both from 1 on. */
function place(text: string, offset: number): string {
  const before = text.slice(0, offset);
  const line = before.split("\n").length;
  return `line ${line}, column ${offset - before.lastIndexOf("\n")}`;
}
