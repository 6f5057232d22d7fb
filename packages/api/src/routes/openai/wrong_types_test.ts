/** Every known field with every wrong type: 400 that names it, and nothing runs. */
import { assert, assertEquals } from "@std/assert";
import { scriptedApp } from "../../../../../tests/support/scripted_app.ts";

type Kind = "number" | "string" | "boolean" | "array" | "object";
const SAMPLES: Readonly<Record<Kind, unknown>> = {
  ...{ number: 0.5, string: "words", boolean: true, array: [true], object: { odd: true } },
};

const SAMPLING: Readonly<Record<string, readonly Kind[]>> = {
  ...{ temperature: ["number"], top_p: ["number"], top_k: [], min_p: ["number"], seed: [] },
  ...{ repetition_penalty: ["number"], presence_penalty: ["number"] },
  ...{ frequency_penalty: ["number"], logit_bias: [], min_tokens: [], ignore_eos: ["boolean"] },
  ...{ model: ["string"], stream: ["boolean"], user: ["string"] },
};
const STOP: Readonly<Record<string, readonly Kind[]>> = { stop: ["string"] };

/** Of each path a right request, and of each field the types of the samples that it takes. */
const ROUTES: Readonly<
  Record<string, readonly [object, Readonly<Record<string, readonly Kind[]>>]>
> = {
  "/v1/chat/completions": [{ messages: [{ role: "user", content: "hi" }] }, {
    ...SAMPLING,
    ...STOP,
    ...{ messages: [], max_tokens: [], max_completion_tokens: [], n: [], top_logprobs: [] },
    ...{ stream_options: ["object"], logprobs: ["boolean"], response_format: [], tools: [] },
    ...{ tool_choice: [], parallel_tool_calls: ["boolean"], thinking: [], reasoning_effort: [] },
    ...{ chat_template_kwargs: ["object"], metadata: ["object"] },
  }],
  "/v1/completions": [{ prompt: "hi" }, {
    ...SAMPLING,
    ...STOP,
    ...{ prompt: ["string"], max_tokens: [], n: [], best_of: [], echo: ["boolean"] },
    ...{ stream_options: ["object"], logprobs: [] },
  }],
  "/v1/responses": [{ input: "hi" }, {
    ...SAMPLING,
    ...{ input: ["string"], instructions: ["string"], max_output_tokens: [], include: [] },
    ...{ store: ["boolean"], top_logprobs: [], text: ["object"], reasoning: ["object"], tools: [] },
    ...{ tool_choice: [], parallel_tool_calls: ["boolean"], metadata: ["object"] },
  }],
  "/v1/embeddings": [{ input: "hi" }, {
    ...{ input: ["string"], encoding_format: [], dimensions: [], model: ["string"] },
    user: ["string"],
  }],
};

for (const [path, [right, fields]] of Object.entries(ROUTES)) {
  Deno.test(`wrong types: each field of ${path}`, async () => {
    const app = scriptedApp({ content: ["a"] });
    for (const [field, kinds] of Object.entries(fields)) {
      for (const [kind, value] of Object.entries(SAMPLES)) {
        if (kinds.includes(kind as Kind)) continue;
        const response = await app.post(path, { ...right, [field]: value });
        const { error } = await response.json();
        const what = `${field} as ${kind}: ${response.status} ${JSON.stringify(error)}`;
        assertEquals(response.status, 400, what);
        assert(
          error.param === field || error.param.startsWith(`${field}[`) ||
            error.param.startsWith(`${field}.`),
          what,
        );
        assert(error.message.startsWith(field), what);
      }
    }
    assertEquals([app.engine.requests.length, app.engine.open], [0, 0]);
  });

  Deno.test(`wrong types: null leaves a field of ${path} open`, async () => {
    const app = scriptedApp({ content: ["a"] });
    for (const field of Object.keys(fields).filter((name) => !(name in right))) {
      const response = await app.post(path, { ...right, [field]: null });
      assertEquals(response.status, 200, `${field}: ${await response.text()}`);
    }
  });

  Deno.test(`wrong types: bodies of ${path} that are no objects`, async () => {
    const app = scriptedApp({ content: ["a"] });
    for (const body of [null, 5, "words", true, [], [right]]) {
      const response = await app.post(path, body);
      assertEquals([response.status, (await response.json()).error.param], [400, null]);
    }
  });

  Deno.test(`wrong types: names of the language itself do no harm to ${path}`, async () => {
    const app = scriptedApp({ content: ["a"] });
    const names = '"__proto__":{"stream":true},"constructor":{"x":1},"toString":5';
    const response = await app.request(path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: `{${JSON.stringify(right).slice(1, -1)},${names}}`,
    });
    assertEquals(response.status, 200);
    assertEquals(response.headers.get("content-type"), "application/json");
  });
}
