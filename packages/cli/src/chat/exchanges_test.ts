/** Tests of exchanges.ts: where a conversation is cut. */
import { assertEquals } from "@std/assert";
import { lastExchange, withoutOldest } from "./exchanges.ts";

/** `sua` is a system message, then one of the user, then an answer. */
function messages(roles: string) {
  const names: Record<string, string> = { s: "system", u: "user", a: "assistant", t: "tool" };
  return [...roles].map((letter, i) => ({ role: names[letter], content: `${letter}${i}` }));
}
const text = (list?: readonly { content?: unknown }[]) =>
  list?.map(({ content }) => content).join();

Deno.test("lastExchange: the user's last message and what stands before it", () => {
  const cut = (roles: string) => {
    const last = lastExchange(messages(roles));
    return last && [text(last.before), last.message];
  };
  assertEquals(cut("suaua"), ["s0,u1,a2", "u3"]);
  assertEquals(cut("uau"), ["u0,a1", "u2"]);
  assertEquals(cut("uata"), ["", "u0"]);
  assertEquals(cut("s"), undefined);
  assertEquals(cut(""), undefined);
});

Deno.test("withoutOldest: whole exchanges go, a system message stays", () => {
  const cut = (roles: string) => text(withoutOldest(messages(roles)));
  assertEquals(cut("suaua"), "s0,u3,a4");
  assertEquals(cut("uataua"), "u4,a5");
  assertEquals(cut("aua"), "u1,a2");
  assertEquals(cut("sua"), "s0");
  assertEquals(cut("ua"), "");
  assertEquals(cut("s"), undefined);
  assertEquals(cut(""), undefined);
});
