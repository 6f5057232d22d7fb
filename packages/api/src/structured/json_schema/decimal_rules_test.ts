/** Tests of decimal_rules.ts: every short text against plain arithmetic, bounds of all sizes, nodes. */
import { assert, assertEquals } from "@std/assert";
import { seededRandom } from "../../../../../tests/support/seeded_random.ts";
import { Grammar } from "../automaton/grammar.ts";
import { Machine, type State } from "../automaton/machine.ts";
import { addDecimals, type NumberBounds } from "./decimal_rules.ts";
import { validate } from "../validation/validate.ts";
import { numberBounds } from "./number_bounds.ts";

function accepts(bounds: NumberBounds): (text: string) => boolean {
  const grammar = new Grammar();
  const rule = grammar.addRule();
  addDecimals(grammar, rule.start, bounds, rule.end);
  const machine = new Machine(grammar, new Uint8Array(256).fill(1));
  const start = machine.stateOf([{ node: rule.start, context: machine.outermost(rule) }]);
  return (text) => {
    let state: State | null = start;
    for (const byte of new TextEncoder().encode(text)) state = state && machine.step(state, byte);
    return state?.isEnd ?? false;
  };
}

function bounds(schema: Record<string, number>, type: "number" | "integer") {
  return numberBounds([{ schema, path: "" }], type);
}

const INTEGERS: readonly Record<string, number>[] = [
  ...[{}, { minimum: 7 }, { maximum: -12 }, { minimum: -105, maximum: 98 }, { minimum: 0.5 }],
  ...[{ exclusiveMinimum: 9, exclusiveMaximum: 11 }, { multipleOf: 7 }, { multipleOf: 2.5 }],
  ...[{ multipleOf: 100, minimum: -300 }, { multipleOf: 12, minimum: 100, maximum: 109 }],
  ...[{ minimum: 1_000, maximum: 999 }, { minimum: 100, maximum: 100 }, { minimum: 199 }],
  ...[{ maximum: -299 }, { maximum: 200 }, { exclusiveMaximum: 0.5 }, { exclusiveMinimum: -10 }],
];

Deno.test("integers: exactly those within the bounds, written without zeros in front", () => {
  for (const schema of INTEGERS) {
    const own = bounds(schema, "integer");
    const accepted = accepts(own);
    for (let value = -1_300; value <= 1_300; value++) {
      assertEquals(
        accepted(String(value)),
        holds(schema, value),
        `${value} ${JSON.stringify(schema)}`,
      );
    }
    for (const text of ["", "-", "-0", "00", "01", "1.0", "1e1", "+1"]) {
      assert(!accepted(text), text);
    }
  }
});

const NUMBERS: readonly Record<string, number>[] = [
  ...[{ minimum: 0.5 }, { exclusiveMinimum: 0 }, { exclusiveMaximum: 0 }, { maximum: 9.25 }],
  ...[{ minimum: -1.5, maximum: 2.05 }, { exclusiveMinimum: 1, exclusiveMaximum: 1.01 }],
  ...[{ multipleOf: 0.25 }, { multipleOf: 0.01, minimum: 0.1 }, { multipleOf: 5, maximum: 20 }],
  ...[{ minimum: 1e-7 }, { maximum: -1e-30 }, { minimum: 1e21 }],
];

Deno.test("numbers: each text of a few digits is accepted exactly where its value is within the bounds", () => {
  for (const schema of NUMBERS) {
    const own = bounds(schema, "number");
    const accepted = accepts(own);
    for (let units = -3_000; units <= 3_000; units++) {
      const text = (units / 100).toFixed(2);
      for (const form of [text, String(units / 100)]) {
        if (form.startsWith("-0") && Number(form) === 0) continue;
        const isExact = schema.multipleOf === undefined || isShort(form, schema.multipleOf);
        const expected = isExact && holds(schema, Number(form));
        assertEquals(accepted(form), expected, `${form} ${JSON.stringify(schema)}`);
      }
    }
  }
});

function holds(schema: Record<string, number>, value: number): boolean {
  return validate(schema, value).length === 0;
}

/** No more places than the multiple has. */
function isShort(text: string, multiple: number): boolean {
  const places = (decimal: string) => (decimal.split(".")[1] ?? "").length;
  return places(text) <= places(String(multiple));
}

Deno.test("numbers: digits beyond a double's do not lead over a bound", () => {
  const random = seededRandom(1);
  for (const schema of NUMBERS) {
    const own = bounds(schema, "number");
    const accepted = accepts(own);
    const near = [own.min, own.max].filter(Number.isFinite);
    for (let round = 0; round < 3_000; round++) {
      const digits = Array.from({ length: random(22) }, () => random(10)).join("");
      const base = near[random(near.length)] ?? 0;
      const text = `${base < 0 ? "-" : ""}${Math.floor(Math.abs(base))}.${digits}`;
      if (accepted(text)) assert(holds(schema, Number(text)), `${text} ${JSON.stringify(schema)}`);
    }
  }
});

Deno.test("numbers: many digits within wide bounds need few nodes", () => {
  const grammar = new Grammar();
  const rule = grammar.addRule();
  addDecimals(grammar, rule.start, bounds({ minimum: -1e15, maximum: 1e20 }, "number"), rule.end);
  assert(grammar.nodeCount < 2_000, String(grammar.nodeCount));
});
