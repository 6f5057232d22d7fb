/** Tests of model_name.ts. */
import { assertEquals } from "@std/assert";
import { servedName } from "./model_name.ts";

Deno.test("servedName: a name without a tag and `:latest` are one", () => {
  const models = ["r1", "smollm2:latest", "qwen:0.5b"].map((name) => (
    { name, created: 0, state: "cold" as const }
  ));
  const known = (asked: string) => asked === "alias" ? "r1" : asked;
  const engine = { find: (asked: string) => models.find(({ name }) => name === known(asked)) };
  const found = [
    "r1",
    "r1:latest",
    "smollm2",
    "smollm2:latest",
    "qwen:0.5b",
    "qwen",
    "r1:7b",
    "alias:latest",
  ].map(
    (name) => servedName(engine, name),
  );
  assertEquals(found, [
    ...[
      "r1",
      "r1",
      "smollm2:latest",
      "smollm2:latest",
      "qwen:0.5b",
      "qwen",
      "r1:7b",
      "r1",
    ],
  ]);
});
