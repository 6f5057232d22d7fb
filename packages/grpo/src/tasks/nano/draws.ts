/** Which problems are drawn: weights of tasks, levels, languages, side of the split. Writes no prompts. */
import type { CounterRandom } from "../counter_random.ts";
import { type Split, splitOf } from "../hash_split.ts";
import { type Language, LANGUAGES } from "./digits.ts";
import { isGeneral, NANO_TASKS, type NanoPrompt, type NanoTaskName } from "./prompt.ts";

/** What is drawn. */
export interface NanoDraws {
  /** Of the run: another seed gives other problems in another order. */
  readonly seed: number;
  /** How often each task comes, by weights of any sum. */
  readonly tasks?: Readonly<Partial<Record<NanoTaskName, number>>>;
  /** Levels of a task, where not all of those that are trained are wanted. */
  readonly levels?: Readonly<Partial<Record<NanoTaskName, readonly number[]>>>;
  /** Languages that are asked for, equally often. Default both. */
  readonly languages?: readonly Language[];
  /** `"train"` (default): what is not held out. */
  readonly split?: Split;
}

/** The same, checked and whole. */
export interface ResolvedDraws {
  readonly seed: number;
  readonly tasks: readonly NanoTaskName[];
  readonly weights: readonly number[];
  readonly levels: Readonly<Record<NanoTaskName, readonly number[]>>;
  readonly languages: readonly Language[];
  readonly split: Split;
}

/** A prompt with the language that its question is written in. */
export interface DrawnPrompt extends NanoPrompt {
  readonly questionStyle: Language;
}

/** A draw is on the wanted side in 1 or 4 of 5; so many in a row are not, only if no problem of these levels is. */
const MAX_DRAWS = 10_000;

/** Names of all tasks. */
export const NANO_TASK_NAMES: readonly NanoTaskName[] = [
  "CHAIN",
  "CHAIN6",
  "MUL",
  "EVAL",
  "CD",
  "GENERAL",
];

/** Fills in defaults and refuses what cannot be drawn. */
export function readDraws(draws: NanoDraws): ResolvedDraws {
  const given = draws.tasks ?? {};
  const unknown = Object.keys(given).find((name) => !(name in NANO_TASKS));
  if (unknown) {
    throw new RangeError(`${unknown} is no nano task, there are ${NANO_TASK_NAMES.join(", ")}`);
  }
  const tasks = NANO_TASK_NAMES.filter((name) => given[name]);
  const weights = tasks.map((name) => given[name]!);
  if (tasks.length === 0 || !weights.every((weight) => weight > 0 && weight < Infinity)) {
    throw new RangeError(
      `weights of tasks are ${JSON.stringify(given)}, one at least must be above 0`,
    );
  }
  const languages = draws.languages ?? LANGUAGES;
  if (languages.length === 0 || languages.some((name) => !LANGUAGES.includes(name))) {
    throw new RangeError(`languages are ${JSON.stringify(languages)}, they must be en, xx or both`);
  }
  const levels = Object.fromEntries(NANO_TASK_NAMES.map((name) => [name, levelsOf(name, draws)]));
  const all = levels as Record<NanoTaskName, readonly number[]>;
  return {
    seed: draws.seed,
    tasks,
    weights,
    levels: all,
    languages,
    split: draws.split ?? "train",
  };
}

function levelsOf(name: NanoTaskName, { levels }: NanoDraws): readonly number[] {
  const { levels: all, unseenLevels = [] } = NANO_TASKS[name];
  const wanted = levels?.[name] ?? all;
  const known = [...all, ...unseenLevels];
  if (wanted.length > 0 && wanted.every((level) => known.includes(level))) return wanted;
  throw new RangeError(
    `levels of ${name} are ${JSON.stringify(wanted)}, there are ${known.join(", ")}`,
  );
}

/** The next prompt on the wanted side. */
export function drawPrompt(draws: ResolvedDraws, random: CounterRandom): DrawnPrompt {
  const task = draws.tasks[random.weighted(draws.weights)];
  const kind = NANO_TASKS[task];
  for (let attempt = 0; attempt < MAX_DRAWS; attempt++) {
    const problem = kind.draw(random, draws.levels[task]);
    if (splitOf(kind.key(problem)) !== draws.split) continue;
    const language = random.pick(draws.languages);
    const questionStyle = isGeneral(problem) ? random.pick(draws.languages) : language;
    return { task, problem, language, questionStyle };
  }
  throw new RangeError(
    `${MAX_DRAWS} problems of ${task}, levels ${
      draws.levels[task].join(", ")
    }, are none of ${draws.split}`,
  );
}
