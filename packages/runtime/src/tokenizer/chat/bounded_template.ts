/** Runs a parsed Jinja template within bounds of work and size: it comes with a file that anybody may have made. Knows no messages. */
import { Environment, Interpreter, parse, tokenize } from "@huggingface/jinja";

/** Nodes that a rendering may evaluate: a thousand messages take about 10^5. */
const MAX_STEPS = 1_000_000;
/** Steps may hide long lists, so the clock is looked at too; renderings take milliseconds. */
const TIME_LIMIT_MS = 5_000;
const STEPS_A_LOOK = 256;
/** Characters of one text: beyond any context. */
const MAX_TEXT_LENGTH = 2 ** 27;
/** Elements of one list, and numbers that `range` gives. */
const MAX_LIST_LENGTH = 100_000;

/** A parsed template. */
export type ParsedTemplate = ReturnType<typeof parse>;

/** Parses as transformers does: `trim_blocks` and `lstrip_blocks`. Throws what the parser throws. */
export function parseTemplate(text: string): ParsedTemplate {
  return parse(tokenize(text, { lstrip_blocks: true, trim_blocks: true }));
}

/** The text that the template makes of the variables. Throws an `Error` where it fails or goes beyond the bounds. */
export function renderBounded(
  template: ParsedTemplate,
  variables: Readonly<Record<string, unknown>>,
  timeLimitMs: number = TIME_LIMIT_MS,
): string {
  const environment = new Environment();
  const all = { ...globals, ...variables };
  for (const [name, value] of Object.entries(all)) environment.set(name, value);
  return String(new BoundedInterpreter(environment, timeLimitMs).run(template).value);
}

class BoundedInterpreter extends Interpreter {
  readonly #start = performance.now();
  #steps = 0;

  constructor(environment: Environment, private readonly timeLimitMs: number) {
    super(environment);
  }

  override evaluate(
    ...[node, environment]: Parameters<Interpreter["evaluate"]>
  ): ReturnType<Interpreter["evaluate"]> {
    if (++this.#steps > MAX_STEPS) throw new Error(`it takes more than ${MAX_STEPS} steps`);
    const result = super.evaluate(node, environment);
    const { value } = result;
    const isList = Array.isArray(value);
    if (isList || this.#steps % STEPS_A_LOOK === 0) this.#checkTime();
    if (isTooLong(value)) {
      throw new Error("it makes texts or lists without end");
    }
    return result;
  }

  #checkTime(): void {
    if (performance.now() - this.#start <= this.timeLimitMs) return;
    throw new Error(`it takes longer than ${this.timeLimitMs} ms`);
  }
}

function isTooLong(value: unknown): boolean {
  if (typeof value === "string") return value.length > MAX_TEXT_LENGTH;
  return Array.isArray(value) && value.length > MAX_LIST_LENGTH;
}

/** What templates may use besides their variables, as in transformers. */
const globals: Readonly<Record<string, unknown>> = {
  ...{ true: true, True: true, false: false, False: false, none: null, None: null },
  raise_exception: (message: unknown) => {
    throw new Error(String(message));
  },
  range: boundedRange,
  strftime_now: (format: string) => strftime(format, new Date()),
};

function boundedRange(first: number, end?: number, step = 1): number[] {
  const [start, stop] = end === undefined ? [0, first] : [first, end];
  if (step === 0) throw new Error("range() step must not be zero");
  const count = Math.max(0, Math.ceil((stop - start) / step));
  if (!(count <= MAX_LIST_LENGTH)) {
    throw new Error(`range() of ${count} numbers, ${MAX_LIST_LENGTH} are allowed`);
  }
  return Array.from({ length: count }, (_, i) => start + i * step);
}

/** C's strftime in English, for the fields that templates use. */
function strftime(format: string, date: Date): string {
  const name = (options: Intl.DateTimeFormatOptions): string =>
    new Intl.DateTimeFormat("en-US", options).format(date);
  const digits = (value: number, size = 2): string => String(value).padStart(size, "0");
  const fields: Readonly<Record<string, () => string>> = {
    Y: () => digits(date.getFullYear(), 4),
    y: () => digits(date.getFullYear() % 100),
    m: () => digits(date.getMonth() + 1),
    d: () => digits(date.getDate()),
    H: () => digits(date.getHours()),
    I: () => digits((date.getHours() + 11) % 12 + 1),
    M: () => digits(date.getMinutes()),
    S: () => digits(date.getSeconds()),
    p: () => date.getHours() < 12 ? "AM" : "PM",
    B: () => name({ month: "long" }),
    b: () => name({ month: "short" }),
    A: () => name({ weekday: "long" }),
    a: () => name({ weekday: "short" }),
    "%": () => "%",
  };
  return format.replace(/%(.)/gs, (field, letter) => fields[letter]?.() ?? field);
}
