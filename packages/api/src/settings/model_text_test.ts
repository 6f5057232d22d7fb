/** Tests of model_text.ts. */
import { assertEquals, assertThrows } from "@std/assert";
import { readModel } from "./model_text.ts";

Deno.test("readModel: the name is that of the file, or as given", () => {
  const cases: Record<string, string> = {
    "smollm2-135m": "smollm2-135m",
    "/models/R1.Q4_K_M.gguf": "R1.Q4_K_M",
    "C:\\models\\r1.GGUF": "r1",
    "hf:org/repo/R1-00001-of-00003.gguf": "R1",
    "https://example.com/a%20b/r1.gguf?download=true": "r1",
    "file:///models/tiny.gguf": "tiny",
    "./a=b.gguf": "a=b",
    "https://example.com/a=b.gguf": "a=b",
  };
  for (const [source, name] of Object.entries(cases)) {
    assertEquals(readModel(source), { name, source });
  }
  assertEquals(readModel("r1:7b=/models/x=y.gguf"), { name: "r1:7b", source: "/models/x=y.gguf" });
});

Deno.test("readModel: something must be left to call it by", () => {
  for (const nameless of ["", "models/", ".gguf", "https://example.com/"]) {
    assertThrows(() => readModel(nameless), RangeError, "needs a name: NAME=MODEL");
  }
});
