/** Tests of pretokenize.ts. */
import { assertEquals, assertThrows } from "@std/assert";
import { seededRandom } from "../../../../tests/support/seeded_random.ts";
import { UnsupportedError } from "../errors.ts";
import { pretokenizerOf, splitWords } from "./pretokenize.ts";

function words(pre: string, text: string): string[] {
  const found: string[] = [];
  splitWords(pretokenizerOf(pre), text, (word) => found.push(word));
  return found;
}

Deno.test("splitWords: llama-bpe takes one sign with letters, three digits, line ends with signs", () => {
  const expected: [string, string[]][] = [
    ["Hello world", ["Hello", " world"]],
    ["I'LL you'Re", ["I", "'LL", " you", "'Re"]],
    ["12345", ["123", "45"]],
    ["x = (1)\n\n  y", ["x", " =", " (", "1", ")\n\n", " ", " y"]],
    ["a   b", ["a", "  ", " b"]],
    ["a  ", ["a", "  "]],
    ["(foo", ["(foo"]],
    ["a\u0085b\ufeffc", ["a", "\u0085b", "\ufeffc"]],
    ["'ſa", ["'ſ", "a"]],
  ];
  for (const [text, parts] of expected) assertEquals(words("llama-bpe", text), parts, text);
});

Deno.test("splitWords: smollm takes every digit alone, then GPT-2's words", () => {
  const expected: [string, string[]][] = [
    ["in 2024!", ["in", " ", "2", "0", "2", "4", "!"]],
    ["a  5", ["a", "  ", "5"]],
    ["it's IT'S", ["it", "'s", " IT", "'", "S"]],
    ["½ Ⅷ", ["½", " ", "Ⅷ"]],
    ["a \n b", ["a", " \n", " b"]],
  ];
  for (const [text, parts] of expected) assertEquals(words("smollm", text), parts, text);
});

Deno.test("splitWords: qwen2 is llama-bpe with every digit alone", () => {
  const expected: [string, string[]][] = [
    ["in 2024!", ["in", " ", "2", "0", "2", "4", "!"]],
    ["I'LL x\n\n y", ["I", "'LL", " x", "\n\n", " y"]],
  ];
  for (const [text, parts] of expected) {
    assertEquals(words("qwen2", text), parts, text);
    assertEquals(words("deepseek-r1-qwen", text), parts, text);
  }
});

Deno.test("splitWords: gpt-2 keeps numbers whole", () => {
  assertEquals(words("gpt-2", "it's 2024 a  b"), ["it", "'s", " 2024", " a", " ", " b"]);
});

Deno.test("splitWords: deepseek-llm knows cased letters, signs, East Asian and last spaces", () => {
  const expected: [string, string[]][] = [
    ["Hello world", ["Hello", " world"]],
    ["a\nb\r\n", ["a", "\n", "b", "\r", "\n"]],
    ["x  (1)", ["x", " ", " (", "1", ")"]],
    ["a12 b  ", ["a", "1", "2", " b", "  "]],
    ["漢字，かな 한국", ["漢字", "，", "かな", " ", "한국"]],
    ["Ωé ۳א", ["Ωé", " ", "۳", "א"]],
  ];
  for (const [text, parts] of expected) assertEquals(words("deepseek-llm", text), parts, text);
});

Deno.test("splitWords: deepseek-v3 takes three digits, a sign with ASCII letters, marks with letters", () => {
  const expected: [string, string[]][] = [
    ["12345", ["123", "45"]],
    ["a .b/c", ["a", " .", "b", "/c"]],
    ["`x {y ~z \\w", ["`x", " {", "y", " ~", "z", " \\", "w"]],
    ["e\u0301t", ["e\u0301t"]],
    ["漢字かなabc", ["漢字かな", "abc"]],
    ["a)\n\n b", ["a", ")\n\n", " b"]],
  ];
  for (const [text, parts] of expected) assertEquals(words("deepseek-v3", text), parts, text);
});

Deno.test("splitWords: deepseek-coder takes any letters, and signs of ASCII's kind apart", () => {
  const expected: [string, string[]][] = [
    ["x  (1)", ["x", " ", " (", "1", ")"]],
    ["a12 é+b\r\n", ["a", "1", "2", " é", "+", "b", "\r", "\n"]],
  ];
  for (const [text, parts] of expected) assertEquals(words("deepseek-coder", text), parts, text);
});

Deno.test("splitWords: a file that names nothing has signs apart and numbers by three", () => {
  const expected: [string, string[]][] = [
    ["a (b) $12345", ["a", " ", "(", "b", ")", " ", "$", "123", "45"]],
    ["it's 12", ["it", "'", "s", " ", "12"]],
  ];
  for (const [text, parts] of expected) assertEquals(words("default", text), parts, text);
});

Deno.test("pretokenizerOf: names that mean the same", () => {
  const same: [string, string][] = [["llama3", "llama-bpe"], ["llama-v3", "llama-bpe"]];
  same.push(["deepseek-r1-qwen", "qwen2"], ["phi-2", "gpt-2"], ["starcoder", "smollm"]);
  same.push(["hunyuan-dense", "deepseek-v3"]);
  for (const [one, other] of same) assertEquals(pretokenizerOf(one), pretokenizerOf(other), one);
  assertEquals(pretokenizerOf("olmo"), { ...pretokenizerOf("gpt-2"), normalForm: "NFC" });
});

Deno.test("splitWords: the words together are the text, whatever it holds", () => {
  const signs = [
    "a",
    "Z",
    "é",
    "漢",
    "😀",
    "\ud800",
    " ",
    "\n",
    "\r",
    "\t",
    "\u00a0",
    "\u0085",
    "'",
  ]
    .concat(["s", "1", "½", "३", "!", "<|", "\u0301", "\u200d", "\ufeff", "\u0000"]);
  const random = seededRandom(1);
  for (let round = 0; round < 500; round++) {
    const text = Array.from({ length: random(40) }, () => signs[random(signs.length)]).join("");
    const all = ["llama-bpe", "smollm", "gpt-2", "qwen2", "deepseek-llm", "deepseek-v3"];
    for (const pre of [...all, "deepseek-coder", "default"]) {
      const parts = words(pre, text);
      assertEquals(parts.join(""), text);
      assertEquals(parts.includes(""), false);
    }
  }
});

Deno.test("pretokenizerOf: an unknown kind is named, and the known ones are listed", () => {
  const error = assertThrows(() => pretokenizerOf("klingon"), UnsupportedError, '"klingon"');
  assertEquals(error.message.includes("llama-bpe") && error.message.includes("smollm"), true);
});
