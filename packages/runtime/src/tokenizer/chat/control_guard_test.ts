/** Tests of control_guard.ts. */
import { assertEquals } from "@std/assert";
import { ControlGuard, ControlTexts } from "./control_guard.ts";

const texts = new ControlTexts(["<|end|>", "ab", "ba", "\u0001", "😀x"]);

function holdsControl(text: string): boolean {
  return texts.pattern !== undefined && text.search(texts.pattern) >= 0;
}

Deno.test("ControlGuard: no control token is left, and reveal undoes hide", () => {
  const guard = new ControlGuard(texts, "");
  for (
    const text of [
      "",
      "x",
      "a<|end|>",
      "aba",
      "abac",
      "bab",
      "\u0001",
      "😀x😀x",
      "<|end<|end|>",
      "< |",
    ]
  ) {
    const hidden = guard.hide(text);
    assertEquals(holdsControl(hidden), false, text);
    assertEquals(guard.reveal(hidden), text);
    assertEquals(hidden.length <= text.length, true);
  }
});

Deno.test("ControlGuard: two texts side by side form no control token, trimmed or not", () => {
  const guard = new ControlGuard(texts, "");
  const text = "<|end|>";
  for (let cut = 1; cut < text.length; cut++) {
    for (const space of ["", " \n"]) {
      const [left, right] = guard.hide([text.slice(0, cut) + space, text.slice(cut)]);
      assertEquals(holdsControl(left.trim() + right), false);
      assertEquals(guard.reveal(left + right), text.slice(0, cut) + space + text.slice(cut));
    }
  }
});

Deno.test("ControlGuard: reaches every text of a message and leaves the rest", () => {
  const guard = new ControlGuard(texts, "");
  const message = { role: "user", parts: [{ text: "<|end|>", n: 1, none: null, yes: true }] };
  const hidden = guard.hide(message);
  assertEquals(holdsControl(JSON.stringify(hidden)), false);
  assertEquals(JSON.parse(guard.reveal(JSON.stringify(hidden))), message);
  assertEquals(Object.keys(guard.hide({ "k<|end|>": 1 })).some(holdsControl), false);
  assertEquals(guard.hide(undefined), undefined);
});

Deno.test("ControlGuard: stand-ins avoid the characters in use", () => {
  const used = "\ue000\ue001\ue003";
  const guard = new ControlGuard(texts, used);
  assertEquals(guard.reveal(guard.hide(used + "<|end|>")), used + "<|end|>");
  assertEquals([...guard.hide("<|end|>")][0], "\ue002");
});

Deno.test("ControlGuard: without control tokens nothing changes", () => {
  const guard = new ControlGuard(new ControlTexts([]), "");
  assertEquals(guard.hide("<|end|>"), "<|end|>");
});
