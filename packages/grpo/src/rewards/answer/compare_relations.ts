/** Equations and inequalities: whether two say the same, the value that one gives, the interval that one describes. Solves nothing. */
import type { Answer, RelationOperator } from "./answer.ts";
import { constantRatio, isBelow, isPositive } from "../formula/compare_values.ts";
import { call, type Expression, variablesOf } from "../formula/expression.ts";

type Relation = Extract<Answer, { kind: "relation" }>;
type Interval = Extract<Answer, { kind: "interval" }>;
type Compare = (gold: Answer, prediction: Answer) => boolean;

/** Whether it is a relation with this operator alone. */
export function isRelationOf(answer: Answer, operator: RelationOperator): answer is Relation {
  return answer.kind === "relation" && answer.operators.every((other) => other === operator);
}

/** What an equation gives: its last side, but the first of `5 = x`. */
export function asValue({ sides }: Relation): Answer {
  const [first, last] = [sides[0], sides[sides.length - 1]];
  const isName = (side: Answer) =>
    side.kind === "value" && side.expression.kind === "symbol" &&
    variablesOf(side.expression).size === 1;
  return isName(last) && !isName(first) ? first : last;
}

/**
 * Whether two relations hold for the same numbers, as far as it can be seen without solving: the same sides, or differences of
 * both sides that are multiples of each other (`y = 2x + 1` and `2x - y + 1 = 0`). Of a chain of equations first and last side count.
 */
export function isEqualRelation(gold: Relation, prediction: Relation, compare: Compare): boolean {
  const [left, right] = [shortened(gold), shortened(prediction)];
  const { operators } = left;
  if (operators.join() !== right.operators.join()) return false;
  if (left.sides.every((side, at) => compare(side, right.sides[at]))) return true;
  return operators.every((operator, at) => {
    const [goldGap, gap] = [difference(left, at), difference(right, at)];
    const ratio = goldGap && gap && constantRatio(goldGap, gap);
    return !!ratio && (operator === "=" || operator === "!=" || isPositive(ratio));
  });
}

function shortened(relation: Relation): Relation {
  if (!isRelationOf(relation, "=") || relation.sides.length === 2) return relation;
  const { sides } = relation;
  return { kind: "relation", sides: [sides[0], sides[sides.length - 1]], operators: ["="] };
}

function difference({ sides }: Relation, at: number): Expression | undefined {
  const [left, right] = [sides[at], sides[at + 1]];
  if (left.kind !== "value" || right.kind !== "value") return undefined;
  const gap = call("Subtract", left.expression, right.expression);
  return variablesOf(gap).size > 0 ? gap : undefined;
}

const INFINITY: Expression = { kind: "symbol", name: "PositiveInfinity" };
const bound = (expression: Expression): Answer => ({
  kind: "value",
  expression,
  isPercent: false,
  source: "",
});

/** The interval of `x < 3`, `3 < x` or `1 < x < 3`; undefined for what is no bare variable between constants. */
export function asInterval({ sides, operators }: Relation): Interval | undefined {
  if (!operators.every((operator) => operator === "<" || operator === "<=")) return undefined;
  const at = sides.findIndex((side) => side.kind === "value" && isVariable(side.expression));
  const constants = sides.filter((side, other) =>
    other !== at && side.kind === "value" && variablesOf(side.expression).size === 0
  );
  if (at < 0 || constants.length !== sides.length - 1 || sides.length > 3) return undefined;
  if (sides.length === 3 && (at !== 1 || !isRising(sides[0], sides[2]))) return undefined;
  const isBoundedBelow = at > 0;
  const isBoundedAbove = at < sides.length - 1;
  return {
    kind: "interval",
    low: isBoundedBelow ? sides[at - 1] : bound(call("Negate", INFINITY)),
    high: isBoundedAbove ? sides[at + 1] : bound(INFINITY),
    isLowOpen: !isBoundedBelow || operators[at - 1] === "<",
    isHighOpen: !isBoundedAbove || operators[at] === "<",
  };
}

/** x, or f(x), which is read as a product. */
function isVariable(expression: Expression): boolean {
  if (expression.kind === "call") {
    return expression.operator === "Multiply" && expression.operands.every(isVariable);
  }
  return expression.kind === "symbol" && variablesOf(expression).size === 1;
}

function isRising(low: Answer, high: Answer): boolean {
  return low.kind === "value" && high.kind === "value" && isBelow(low.expression, high.expression);
}
