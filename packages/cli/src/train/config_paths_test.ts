/** Tests of config_paths.ts: which texts are paths, and where they start from. Reads no configuration. */
import { assertEquals } from "@std/assert";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { besideFile } from "./config_paths.ts";

Deno.test("paths of a configuration start from its folder where something is there", () => {
  const folder = mkdtempSync(join(tmpdir(), "aha-paths-"));
  const at = (name: string) => join(folder, name);
  try {
    mkdirSync(at("adapter.d"));
    for (const name of ["rows.jsonl", "judge.ts", "m.gguf", "accuracy"]) {
      writeFileSync(at(name), "");
    }
    const given = {
      model: "m.gguf",
      adapter: "./adapter.d",
      task: { file: "rows.jsonl", format: "jsonl", promptColumn: "rows.jsonl" },
      rewards: ["accuracy", "./judge.ts", { name: "j", module: "judge.ts" }, {
        name: "reward_model",
        model: "m.gguf",
      }],
      output_dir: "rows.jsonl",
    };
    assertEquals(besideFile(given, at("run.jsonc")), {
      model: at("m.gguf"),
      adapter: at("adapter.d"),
      task: { file: at("rows.jsonl"), format: "jsonl", promptColumn: "rows.jsonl" },
      rewards: ["accuracy", at("judge.ts"), { name: "j", module: at("judge.ts") }, {
        name: "reward_model",
        model: at("m.gguf"),
      }],
      output_dir: "rows.jsonl",
    });
    const sft = { kind: "sft", data: "rows.jsonl", model: "smollm2-135m" };
    assertEquals(besideFile(sft, at("a.json")), { ...sft, data: at("rows.jsonl") });
    const column = { data: { file: "rows.jsonl" } };
    assertEquals(besideFile(column, at("a.json")), { data: { file: at("rows.jsonl") } });
    for (const model of ["hf:a/b/m.gguf", "https://a/m.gguf", at("m.gguf"), "other/m.gguf"]) {
      assertEquals(besideFile({ model }, at("a.json")), { model });
    }
    assertEquals([besideFile(given, "-"), besideFile([], at("a.json"))], [given, []]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
