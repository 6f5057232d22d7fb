/** Tests of metrics_text.ts. */
import { assertEquals } from "@std/assert";
import { metricsText } from "./metrics_text.ts";

Deno.test("metricsText: heads, labels, what must be escaped", () => {
  const text = metricsText([
    { name: "a_total", type: "counter", help: "Two\nlines \\ here", samples: [{ value: 3 }] },
    { name: "none", type: "gauge", help: "Nothing", samples: [] },
    {
      name: "b",
      type: "gauge",
      help: "B",
      samples: [
        { value: 0.5, labels: { model: 'a"b\\c\nd', of: "x" } },
        { value: Infinity, suffix: "_bucket" },
        { value: -Infinity },
      ],
    },
  ]);
  assertEquals(
    text,
    `# HELP a_total Two\\nlines \\\\ here
# TYPE a_total counter
a_total 3
# HELP b B
# TYPE b gauge
b{model="a\\"b\\\\c\\nd",of="x"} 0.5
b_bucket +Inf
b -Inf
`,
  );
});
