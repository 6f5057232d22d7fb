/** What LaTeX commands in formulas mean: letters, constants, functions. No grammar. */

const GREEK = [
  ..."alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi"
    .split(" "),
  ..."rho varrho sigma tau upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi Sigma"
    .split(" "),
  ..."Upsilon Phi Psi Omega ell hbar".split(" "),
];

/** Commands that are a symbol by themselves. */
export const SYMBOLS: ReadonlyMap<string, string> = new Map([
  ...GREEK.map((name) => [name, name] as const),
  ["pi", "Pi"],
  ["infty", "PositiveInfinity"],
  ["imath", "i"],
]);

/** Commands that make a symbol of the symbol they are given, as in \vec{a}. */
export const ACCENTS: ReadonlySet<string> = new Set(
  "vec hat tilde bar dot mathbf mathit mathcal mathbb mathrm operatorname text overrightarrow"
    .split(" "),
);

/** Functions of one number, which may do without brackets. */
export const FUNCTIONS_BY_COMMAND: ReadonlyMap<string, string> = new Map([
  ["sin", "Sin"],
  ["cos", "Cos"],
  ["tan", "Tan"],
  ["cot", "Cot"],
  ["sec", "Sec"],
  ["csc", "Csc"],
  ["sinh", "Sinh"],
  ["cosh", "Cosh"],
  ["tanh", "Tanh"],
  ["arcsin", "Arcsin"],
  ["arccos", "Arccos"],
  ["arctan", "Arctan"],
  ["exp", "Exp"],
  ["ln", "Ln"],
  ["log", "Log"],
  ["lg", "Log"],
]);

/** What the power -1 makes of a function. */
export const INVERSES: ReadonlyMap<string, string> = new Map([
  ["Sin", "Arcsin"],
  ["Cos", "Arccos"],
  ["Tan", "Arctan"],
]);

/** Functions of a list in brackets. */
export const LIST_FUNCTIONS: ReadonlyMap<string, string> = new Map([
  ["max", "Max"],
  ["min", "Min"],
  ["gcd", "GCD"],
  ["lcm", "LCM"],
]);

/** Brackets by their first token, with the last one and what they make of what is inside. */
export const BRACKETS: ReadonlyMap<string, readonly [closing: string, operator?: string]> = new Map<
  string,
  readonly [closing: string, operator?: string]
>([
  ["(", [")"]],
  ["[", ["]"]],
  ["{", ["}"]],
  ["|", ["|", "Abs"]],
  ["vert", ["vert", "Abs"]],
  ["lvert", ["rvert", "Abs"]],
  ["lfloor", ["rfloor", "Floor"]],
  ["lceil", ["rceil", "Ceil"]],
]);

/** Signs and commands between factors. */
export const FACTOR_OPERATORS: ReadonlyMap<string, string> = new Map([
  ["*", "Multiply"],
  ["cdot", "Multiply"],
  ["times", "Multiply"],
  ["/", "Divide"],
  ["div", "Divide"],
  [":", "Divide"],
  ["bmod", "Mod"],
]);
