/** Tests of weight_files.ts: one file or several, and each way in which index and files can disagree. */
import { assertEquals, assertRejects } from "@std/assert";
import { safetensorsBytes } from "../../../../../tests/support/safetensors_bytes.ts";
import { CheckpointError, SourceError, UnsupportedError } from "../../errors.ts";
import { blobFolder } from "./folder.ts";
import { openWeightFiles } from "./weight_files.ts";

const INDEX = "model.safetensors.index.json";

function file(...names: string[]): Blob {
  const entries = names.map((name, i) =>
    [name, { dtype: "F32", shape: [1], data_offsets: [4 * i, 4 * i + 4] }] as const
  );
  return new Blob([safetensorsBytes(Object.fromEntries(entries), 4 * names.length)]);
}

function open(files: Record<string, Blob>, index?: unknown) {
  const all = new Map(Object.entries(files));
  if (index !== undefined) all.set(INDEX, new Blob([JSON.stringify({ weight_map: index })]));
  return openWeightFiles(blobFolder("dir", all));
}

const [one, two] = ["one.safetensors", "two.safetensors"];

Deno.test("openWeightFiles: a single file comes before an index", async () => {
  const { tensors } = await open({ "model.safetensors": file("a", "b") }, {
    a: "gone.safetensors",
  });
  assertEquals([...tensors.keys()], ["a", "b"]);
});

Deno.test("openWeightFiles: all files of the index in their order, the names of each sorted", async () => {
  const { tensors } = await open(
    { [one]: file("c", "a"), [two]: file("b") },
    { b: two, a: one, c: one },
  );
  assertEquals([...tensors.keys()], ["a", "c", "b"]);
  assertEquals(tensors.get("b")?.source.name, "dir/two.safetensors");
});

Deno.test("openWeightFiles: what does not agree is refused by name", async () => {
  const index = { a: one, b: two };
  const refused = (
    files: Record<string, Blob>,
    map: unknown,
    message: string,
    kind: new (...args: never[]) => Error = CheckpointError,
  ) => assertRejects(() => open(files, map), kind, message);
  await refused(
    { [one]: file("a") },
    index,
    "Weight file 2 of 2 is missing: there is no dir/two",
    SourceError,
  );
  await refused(
    { [one]: file("a", "b"), [two]: file("b") },
    index,
    "Tensor b is in two files: dir/one",
  );
  await refused(
    { [one]: file("a"), [two]: file("c") },
    index,
    "tensor b is in two.safetensors: no file holds it",
  );
  await refused({ [one]: file("a", "b"), [two]: file() }, index, "it is in dir/one.safetensors");
  await refused(
    { [one]: file("a"), [two]: file("b", "c") },
    index,
    `Tensor c of dir/two.safetensors is not in dir/${INDEX}`,
  );
  await refused({}, [one], "has no weight_map");
  for (
    const name of ["../one.safetensors", "/one.safetensors", ".hidden.safetensors", "one.bin", 3]
  ) {
    await refused({}, { a: name }, "no plain name");
  }
  await refused({}, undefined, "dir has no weights: model.safetensors is missing", SourceError);
  await refused(
    { "pytorch_model.bin": new Blob(["x"]) },
    undefined,
    "pytorch_model.bin but no safetensors",
    UnsupportedError,
  );
});
