/** Tests of lora_text.ts. */
import { assertEquals, assertThrows } from "@std/assert";
import { readLoraText } from "./lora_text.ts";

Deno.test("readLoraText: a file, with a name, with a factor, with both", () => {
  assertEquals(readLoraText("a/b.gguf"), { from: "a/b.gguf" });
  assertEquals(readLoraText("sql=a/b.gguf"), { name: "sql", from: "a/b.gguf" });
  assertEquals(readLoraText("a/b.gguf:-.5"), { from: "a/b.gguf", scale: -0.5 });
  assertEquals(readLoraText("x.1=folder:2"), { name: "x.1", from: "folder", scale: 2 });
  assertEquals(readLoraText("./a=b.gguf"), { from: "./a=b.gguf" });
  assertEquals(readLoraText("C:\\a\\b.gguf"), { from: "C:\\a\\b.gguf" });
  assertEquals(readLoraText("http://host:8080"), { from: "http://host:8080" });
  assertEquals(readLoraText("n=http://host:80/a.gguf:1e-1"), {
    ...{ name: "n", from: "http://host:80/a.gguf", scale: 0.1 },
  });
});

Deno.test("readLoraText: a file there must be", () => {
  for (const text of ["", " ", "sql=", ":2"]) {
    assertThrows(() => readLoraText(text), RangeError, "has no file");
  }
});
