/** Tests of environment.ts. */
import { assertEquals, assertThrows } from "@std/assert";
import { environmentSettings } from "./environment.ts";

Deno.test("environmentSettings: nothing but leave to be public", () => {
  assertEquals(environmentSettings({ AHA_PUBLIC: "1", AHA_CTX: "" }), {
    engine: {
      models: [{ name: "smollm2-135m", source: "smollm2-135m", loadOptions: {} }],
      preload: true,
    },
    app: { apiKeys: [], corsOrigins: [], hostNames: ["*"] },
  });
});

Deno.test("environmentSettings: every variable", () => {
  const settings = environmentSettings({
    AHA_MODEL: "small=https://example.com/a.gguf\nb.gguf",
    AHA_LORA: "sql=a.gguf:0.5 b",
    AHA_API_KEYS: "ci:one,two",
    AHA_CTX: "1024",
    AHA_MEMORY_MIB: "400",
    AHA_SLOTS: "2",
    AHA_MAX_TOKENS: "256",
    AHA_CORS: "https://a.example https://b.example",
  });
  const loadOptions = { contextTokens: 1024 };
  assertEquals(settings, {
    engine: {
      models: [
        {
          ...{ name: "small", source: "https://example.com/a.gguf" },
          loadOptions: {
            ...loadOptions,
            lora: [{ name: "sql", from: "a.gguf", scale: 0.5 }, { from: "b" }],
          },
        },
        { name: "b", source: "b.gguf", loadOptions },
      ],
      preload: true,
      slots: 2,
      memoryBytes: 400 * 2 ** 20,
    },
    app: {
      apiKeys: [{ name: "ci", key: "one" }, { name: "key-2", key: "two" }],
      corsOrigins: ["https://a.example", "https://b.example"],
      maxTokens: 256,
    },
  });
});

Deno.test("environmentSettings: no key and no leave, and what is no number, are errors", () => {
  const wrong = (environment: Record<string, string>, message: string) =>
    assertThrows(() => environmentSettings(environment), RangeError, message);
  wrong({}, "set AHA_API_KEYS");
  wrong({ AHA_PUBLIC: "0", AHA_API_KEYS: " " }, "set AHA_API_KEYS");
  for (const name of ["AHA_CTX", "AHA_MEMORY_MIB", "AHA_SLOTS", "AHA_MAX_TOKENS"]) {
    for (const text of ["0", "-1", "1.5", "many", "4GiB"]) {
      wrong({ AHA_PUBLIC: "1", [name]: text }, `${name} is "${text}"`);
    }
  }
});
