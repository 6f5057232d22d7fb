/** Tests of bounded_template.ts that templates of messages do not show: see chat_template_test.ts for the rest. */
import { assertEquals, assertThrows } from "@std/assert";
import { parseTemplate, renderBounded } from "./bounded_template.ts";

Deno.test("renderBounded: long lists in few steps are stopped by the clock", () => {
  const lists = parseTemplate(
    "{% set r = range(100000) %}{% for i in r %}{% for j in r %}{% endfor %}{% endfor %}",
  );
  assertThrows(() => renderBounded(lists, {}, 1), Error, "it takes longer than 1 ms");
  const grown = parseTemplate("{% set r = range(60000) %}{% set s = r + r %}");
  assertThrows(() => renderBounded(grown, {}), Error, "without end");
});

Deno.test("renderBounded: range counts up, down and from 0, as Python's", () => {
  const text = renderBounded(
    parseTemplate("{{ range(3) }}{{ range(2, 5) }}{{ range(9, 0, -4) }}{{ range(3, 1) }}"),
    {},
  );
  assertEquals(text, "[0, 1, 2][2, 3, 4][9, 5, 1][]");
});

Deno.test("renderBounded: a conversation of ten thousand messages is no attack", () => {
  const template = parseTemplate(
    "{% for m in messages %}{% if messages[loop.index0 - 1].role == 'user' and messages | length > 1 %}" +
      "<{{ m.role }}>{{ m.content | trim }}{% endif %}{% endfor %}",
  );
  const messages = Array.from({ length: 10_000 }, () => ({ role: "user", content: " x " }));
  assertEquals(renderBounded(template, { messages }), "<user>x".repeat(10_000));
});
