/** Cuts LaTeX formulas into tokens. Knows what a number is, but no grammar. */

export interface LatexToken {
  /** `end` stands once, behind the last. */
  readonly kind: "number" | "letter" | "command" | "sign" | "end";
  /** Digits, a letter, a sign, a command: named ones without their backslash, others (`\{`) with it. */
  readonly text: string;
}

const TOKEN =
  /((?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)|\\([A-Za-z]+)|(\\.)|([A-Za-zα-ωΑ-Ω])|(\S)/gsu;

/** The tokens of a formula, the end last. Digits before `e` or `E` and digits are one number in scientific notation. */
export function latexTokens(latex: string): readonly LatexToken[] {
  const tokens = [...latex.matchAll(TOKEN)].map(
    ([text, number, name, escaped, letter]): LatexToken => {
      if (number !== undefined) return { kind: "number", text };
      if (name !== undefined) return { kind: "command", text: name };
      if (escaped !== undefined) return { kind: "command", text };
      return { kind: letter === undefined ? "sign" : "letter", text };
    },
  );
  return [...tokens, { kind: "end", text: "" }];
}
