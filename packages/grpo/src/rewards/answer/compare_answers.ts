/** Whether a prediction is the gold answer: item by item for sets, tuples, intervals and matrices. The order of arguments matters; reads no text. */
import type { Answer } from "./answer.ts";
import { asInterval, asValue, isEqualRelation, isRelationOf } from "./compare_relations.ts";
import { isEqualExpression } from "../formula/compare_values.ts";
import { call, type Expression, isOfSymbols } from "../formula/expression.ts";

type Kind<Name extends Answer["kind"]> = Extract<Answer, { kind: Name }>;

const HUNDRED: Expression = { kind: "number", literal: "100" };

/**
 * Whether `prediction` says the same as `gold`. Not symmetric, as in Math-Verify: `x = 5` may be answered by 5 and 5 by
 * `x = 5`; an inequality may be answered by the interval that it describes, an interval not by an inequality.
 */
export function isEqualAnswer(gold: Answer, prediction: Answer): boolean {
  if (isRelationOf(prediction, "=") && !isRelationOf(gold, "=")) {
    return isEqualAnswer(gold, asValue(prediction));
  }
  if (isRelationOf(gold, "=") && prediction.kind !== "relation") {
    return hasNameOnTheLeft(gold) && isEqualAnswer(asValue(gold), prediction);
  }
  if (gold.kind === "relation") {
    if (prediction.kind === "relation") return isEqualRelation(gold, prediction, isEqualAnswer);
    const interval = asInterval(gold);
    return interval !== undefined && isEqualAnswer(interval, prediction);
  }
  if (gold.kind === "text" || prediction.kind === "text") return isSameText(gold, prediction);
  if (gold.kind === "value" && prediction.kind === "value") return isEqualValue(gold, prediction);
  if (gold.kind === "matrix" && prediction.kind === "matrix") {
    return isEqualMatrix(gold.rows, prediction.rows);
  }
  return isEqualCollection(gold, prediction);
}

/** What an equation defines: names put together without any number, such as x, f(x), (p, q) or A:B. */
function hasNameOnTheLeft({ sides }: Kind<"relation">): boolean {
  const isName = (side: Answer): boolean =>
    side.kind === "text" || (side.kind === "value" && isOfSymbols(side.expression)) ||
    (side.kind === "tuple" && side.items.every(isName));
  return isName(sides[0]);
}

function isEqualValue(gold: Kind<"value">, prediction: Kind<"value">): boolean {
  if (isEqualExpression(gold.expression, prediction.expression)) return true;
  if (gold.isPercent !== prediction.isPercent) {
    const share = ({ isPercent, expression }: Kind<"value">) =>
      isPercent ? call("Divide", expression, HUNDRED) : expression;
    if (isEqualExpression(share(gold), share(prediction))) return true;
  }
  return isWord(gold.source) && isSameText(gold, prediction);
}

/** Names of several letters are read as a product of them; upper and lower case are one then. */
const isWord = (source: string) => /^[A-Za-z]{2,}$/.test(source);

function isSameText(gold: Answer, prediction: Answer): boolean {
  const [left, right] = [wordsOf(gold), wordsOf(prediction)];
  return left !== undefined && left !== "" && left === right;
}

function wordsOf(answer: Answer): string | undefined {
  if (answer.kind !== "text" && answer.kind !== "value") return undefined;
  return answer.source.replace(/\\(?:text|textbf|mathrm|mbox|operatorname)(?![A-Za-z])/g, "")
    .replace(/[\s{}()"'`*.,:;!?$\\]+/g, "").toLowerCase();
}

function isEqualMatrix(
  gold: readonly (readonly Expression[])[],
  prediction: readonly (readonly Expression[])[],
): boolean {
  return gold.length === prediction.length &&
    gold.every((row, at) =>
      row.length === prediction[at].length &&
      row.every((cell, column) => isEqualExpression(cell, prediction[at][column]))
    );
}

function isEqualCollection(gold: Answer, prediction: Answer): boolean {
  const [goldRange, range] = [rangesOf(gold, true), rangesOf(prediction, false)];
  if (isRange(gold) || isRange(prediction)) {
    return !!goldRange && !!range && isSameSet(goldRange, range, isEqualRange);
  }
  const [left, right] = [itemsOf(gold), itemsOf(prediction)];
  if (!left || !right) return false;
  const isOrdered = gold.kind === "tuple" || prediction.kind === "tuple";
  if (!isOrdered) return isSameSet(left, right, isEqualAnswer);
  if (gold.kind === "set" || prediction.kind === "set") return false;
  return left.length === right.length && left.every((item, at) => isEqualAnswer(item, right[at]));
}

const isRange = ({ kind }: Answer) => kind === "interval" || kind === "union";

/** The intervals and sets of a union; a pair is the open interval where an interval is looked for. */
function rangesOf(answer: Answer, isGold: boolean): readonly Answer[] | undefined {
  if (answer.kind === "interval" || answer.kind === "set") return [answer];
  if (answer.kind === "tuple" && answer.items.length === 2) {
    const [low, high] = answer.items;
    return [{ kind: "interval", low, high, isLowOpen: true, isHighOpen: true }];
  }
  if (answer.kind === "relation" && isGold) {
    const interval = asInterval(answer);
    return interval && [interval];
  }
  if (answer.kind !== "union" && answer.kind !== "list") return undefined;
  const parts = answer.kind === "union" ? answer.parts : answer.items;
  const ranges = parts.map((part) => rangesOf(part, isGold));
  return ranges.every((range) => range !== undefined) ? ranges.flat() : undefined;
}

function isEqualRange(gold: Answer, prediction: Answer): boolean {
  if (gold.kind !== "interval" || prediction.kind !== "interval") {
    return gold.kind === "set" && prediction.kind === "set" && isEqualAnswer(gold, prediction);
  }
  return gold.isLowOpen === prediction.isLowOpen && gold.isHighOpen === prediction.isHighOpen &&
    isEqualAnswer(gold.low, prediction.low) && isEqualAnswer(gold.high, prediction.high);
}

/** A single value is a set of one. */
function itemsOf(answer: Answer): readonly Answer[] | undefined {
  if (answer.kind === "value") return [answer];
  return "items" in answer ? answer.items : undefined;
}

function isSameSet<Item>(
  gold: readonly Item[],
  prediction: readonly Item[],
  isEqual: (gold: Item, prediction: Item) => boolean,
): boolean {
  return gold.every((item) => prediction.some((other) => isEqual(item, other))) &&
    prediction.every((other) => gold.some((item) => isEqual(item, other)));
}
