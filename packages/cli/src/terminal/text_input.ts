/** Reads the text that a command works on, from a file or from stdin. Splits and changes nothing. */
import { readFile } from "node:fs/promises";
import type { CommandIo } from "../command.ts";

/** The text of the file `name`, or of stdin where `name` is `-`; an error names what cannot be read. */
export async function readTextInput(name: string, io: CommandIo): Promise<string> {
  const bytes = name === "-" ? await io.readStdin() : await readBytes(name);
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    const what = name === "-" ? "stdin" : name;
    throw new Error(`Cannot read ${what}: it is not UTF-8 text`, { cause: error });
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EACCES: "permission denied",
  EISDIR: "it is a folder",
  ELOOP: "its symbolic links lead in a circle",
};

async function readBytes(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    throw new Error(`Cannot read ${path}: ${REASONS[code ?? ""] ?? message}`, { cause: error });
  }
}
