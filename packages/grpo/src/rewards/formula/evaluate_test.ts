/** Values of expressions: exact fractions, error bounds of doubles, undefined values. Expressions come from LaTeX. */
import { assert, assertEquals } from "@std/assert";
import { approximate, evaluate, isSameValue } from "./evaluate.ts";
import { fractionOfLiteral, toNumber } from "./fraction.ts";
import { parseLatex } from "./parse_latex.ts";

const noVariables = () => ({ numerator: 1n, denominator: 1n });
const valueOf = (latex: string) => evaluate(parseLatex(latex)!, noVariables);

Deno.test("fractions: literals are exact", () => {
  assertEquals(fractionOfLiteral("0.125"), { numerator: 1n, denominator: 8n });
  assertEquals(fractionOfLiteral("1.5e3"), { numerator: 1500n, denominator: 1n });
  assertEquals(fractionOfLiteral("50e-2"), { numerator: 1n, denominator: 2n });
  assertEquals(fractionOfLiteral("0.(3)"), { numerator: 1n, denominator: 3n });
  assertEquals(fractionOfLiteral("0.1(6)"), { numerator: 1n, denominator: 6n });
  assertEquals(fractionOfLiteral("-2.50"), { numerator: -5n, denominator: 2n });
  for (const none of ["", ".", "1e99999", "x", "1.2.3"]) {
    assertEquals(fractionOfLiteral(none), undefined, none);
  }
});

Deno.test("fractions: doubles next to them, also out of their range", () => {
  assertEquals(toNumber({ numerator: 1n, denominator: 3n }), 1 / 3);
  assertEquals(toNumber({ numerator: -(10n ** 300n), denominator: 1n }), -1e300);
  assertEquals(toNumber({ numerator: 10n ** 400n, denominator: 10n ** 399n }), 10);
  assertEquals(toNumber({ numerator: 1n, denominator: 10n ** 300n }), 1e-300);
  assertEquals(toNumber({ numerator: 0n, denominator: 1n }), 0);
});

Deno.test("evaluate: known values", () => {
  const known: readonly (readonly [latex: string, value: number])[] = [
    ["\\log_2 8", 3],
    ["\\log 100", 2],
    ["\\log_3 9", 2],
    ["\\ln 2", Math.LN2],
    ["\\binom{5}{2}", 10],
    ["5!", 120],
    ["|{-3}|", 3],
    ["\\sin 30^\\circ", 0.5],
    ["\\arctan 1", Math.PI / 4],
    ["\\lfloor -2.5 \\rfloor", -3],
    ["\\lceil 2.1 \\rceil", 3],
    ["\\gcd(12, 18)", 6],
    ["\\max(1, 3, 2)", 3],
    ["\\sqrt{16}", 4],
    ["2^{-3}", 0.125],
    ["8^{\\frac13}", 2],
    ["\\cosh 0", 1],
    ["-2^2", -4],
    ["1\\frac12", 1.5],
  ];
  for (const [latex, wanted] of known) {
    const near = approximate(valueOf(latex)!)!;
    assert(
      Math.hypot(near.re - wanted, near.im) <= 4 * near.error + 1e-300,
      `${latex}: ${near.re}`,
    );
    assert(near.error < 1e-12, `${latex}: error ${near.error}`);
  }
});

Deno.test("evaluate: bounds tell near misses from rounding", () => {
  assert(isSameValue(valueOf("\\sin \\pi")!, valueOf("0")!));
  assert(!isSameValue(valueOf("\\sin 3.1415926535")!, valueOf("0")!));
  assert(!isSameValue(valueOf("\\frac{\\sqrt2}{10^{13}}")!, valueOf("0")!));
  assert(isSameValue(valueOf("\\sqrt{2}\\sqrt{3}")!, valueOf("\\sqrt6")!));
  // A difference below what doubles can tell is not taken for equality of all.
  assert(!isSameValue(valueOf("10^{20} + \\sqrt2 - 10^{20}")!, valueOf("\\sqrt3")!));
});

Deno.test("evaluate: no value", () => {
  for (const latex of ["\\frac10", "0^0", "\\ln 0", "\\infty", "301!", "(-1)!"]) {
    assertEquals(valueOf(latex), undefined, latex);
  }
});
