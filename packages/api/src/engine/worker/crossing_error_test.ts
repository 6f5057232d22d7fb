/** Tests of errors that cross threads: their class, message, fields and cause come through a structured clone. */
import { assert, assertEquals } from "@std/assert";
import { ContextFullError, MemoryError, SourceError, ThreadError } from "@aha/runtime";
import { UnsupportedSchemaError } from "../../structured/unsupported_schema_error.ts";
import { EngineMemoryError } from "../engine_errors.ts";
import { arrivedError, crossingError } from "./crossing_error.ts";

const crossed = (error: unknown) => arrivedError(structuredClone(crossingError(error)));

Deno.test("crossing errors: the runtime's own come out as what they were", () => {
  const errors = [
    new ContextFullError(900, 512),
    new MemoryError("too much", 7, 5),
    new SourceError("no file", "a.gguf", { cause: new TypeError("inner") }),
    new ThreadError("died"),
    new EngineMemoryError("a", 2, 1),
    new UnsupportedSchemaError("too odd", "/properties/a"),
    new RangeError("out of range"),
    new TypeError("no such type"),
    new Error("plain"),
  ];
  for (const error of errors) {
    const arrived = crossed(error);
    assert(arrived instanceof error.constructor, error.name);
    assertEquals([arrived.name, arrived.message], [error.name, error.message]);
    assertEquals(Object.entries(arrived), Object.entries(error));
    assertEquals(arrived.stack, error.stack);
  }
  assert(crossed(errors[2]).cause instanceof TypeError);
});

Deno.test("crossing errors: aborts stay aborts, what is unknown or no error at all is told", () => {
  const abort = crossed(new DOMException("stopped", "AbortError"));
  assert(abort instanceof DOMException);
  assertEquals([abort.name, abort.message], ["AbortError", "stopped"]);
  class OddError extends Error {
    override readonly name = "OddError";
    readonly callback = () => {};
    readonly places = [1, 2];
  }
  const odd = crossed(new OddError("odd"));
  assert(odd instanceof Error && !(odd instanceof OddError));
  assertEquals([odd.name, odd.message], ["OddError", "odd"]);
  assertEquals((odd as unknown as OddError).places, [1, 2]);
  assertEquals(crossed("just text").message, "just text");
});
