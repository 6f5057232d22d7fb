/** One embedded model: a stage's F32 file in another number format, under its own name and with today's chat template. Measures nothing. */
import { openFileSink, openGguf } from "@aha/runtime/gguf";
import { storedTensor, wholeMetadata, writeModel } from "@aha/runtime/quantize";
import { elementsOf } from "@aha/runtime/weights";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { nanoTokenizer } from "../src/model/nano_tokenizer.ts";
import type { PublishedModel } from "./published.ts";

const TEMPLATE = "tokenizer.chat_template";

/** What was written. */
export type EmbeddedFile = Pick<
  PublishedModel,
  "architecture" | "parameters" | "type" | "sizeBytes" | "sha256"
>;

/**
 * Writes the model of `from` to `to` with its matrices as `type`, as `aha quantize` does; rows that its blocks do not divide
 * are F16.
 *
 * @throws {UnsupportedError} for a type that cannot be written
 * @throws {OutputError} where `to` cannot be written
 */
export async function embedModel(
  from: string,
  to: string,
  { type, name }: { readonly type: string; readonly name: string },
): Promise<EmbeddedFile> {
  const { gguf, source } = await openGguf(from);
  const sink = await openFileSink(to, { overwrite: true, inputs: [from] });
  try {
    const template = new Map(nanoTokenizer().entries).get(TEMPLATE)!;
    const metadata = new Map([
      ...wholeMetadata(gguf),
      ["general.name", { type: "string", value: name }],
      ["general.license", { type: "string", value: "apache-2.0" }],
      [TEMPLATE, template],
    ]);
    const tensors = Array.from(gguf.tensors.values(), (tensor) => storedTensor(tensor, source));
    await writeModel(sink, { metadata, tensors }, type);
    sink.commit();
    const bytes = readFileSync(to);
    return {
      architecture: gguf.metadata.string("general.architecture"),
      parameters: tensors.reduce((sum, tensor) => sum + elementsOf(tensor), 0),
      type,
      sizeBytes: bytes.length,
      sha256: createHash("sha256").update(bytes).digest("hex"),
    };
  } finally {
    sink.abort();
    await source.close();
  }
}
