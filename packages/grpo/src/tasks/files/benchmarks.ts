/** GSM8K, MATH-500, AIME and GPQA from local files as they are published. Downloads and judges nothing. */
import { plainNumber } from "../answer_text.ts";
import { CounterRandom } from "../counter_random.ts";
import type { Task } from "../task.ts";
import { chatPrompt, fileTask, type PromptOptions, RowError, textField } from "./file_rows.ts";
import { type DataSource, readRecords } from "./records.ts";

const BOXED = "Reason step by step and put the final answer in \\boxed{}.";
const LETTER = "Reason step by step and end with a line of the form: Answer: LETTER";
const LETTERS = "ABCD";
const ORDER_STREAM = 7;

/**
 * GSM8K (Cobbe et al. 2110.14168): `question`, and an `answer` whose last line is `#### n`. The row's `answer` is that
 * number in plain form, its `solution` the whole text.
 */
export async function gsm8kTask(source: DataSource, options: PromptOptions = {}): Promise<Task> {
  const columns = { question: ["question"], answer: ["answer"] };
  return fileTask("GSM8K", await readRecords(source), columns, (column) => {
    const solution = textField(column, "answer");
    const found = /####\s*(\S.*)$/.exec(solution)?.[1];
    const answer = found === undefined ? null : plainNumber(found);
    if (answer === null) throw new RowError("answer does not end in #### and a number");
    const prompt = chatPrompt(textField(column, "question"), { instruction: BOXED, ...options });
    return { prompt, task: "GSM8K", answer, solution };
  });
}

/** MATH-500 (Hendrycks et al. 2103.03874, Lightman et al. 2305.20050): `problem`, `answer` in LaTeX, `level`, `subject`. */
export async function math500Task(source: DataSource, options: PromptOptions = {}): Promise<Task> {
  const columns = {
    problem: ["problem"],
    answer: ["answer"],
    level: ["level"],
    subject: ["subject", "type"],
  };
  return fileTask("MATH-500", await readRecords(source), columns, (column) => {
    const level = /([1-5])$/.exec(textField(column, "level"))?.[1];
    if (!level) throw new RowError("level is not 1 to 5");
    const prompt = chatPrompt(textField(column, "problem"), { instruction: BOXED, ...options });
    return {
      ...{ prompt, task: "MATH-500", level: Number(level) },
      ...{ answer: textField(column, "answer"), subject: textField(column, "subject") },
    };
  });
}

/** AIME of any year: `problem` (or `question`) and `answer`, a whole number from 0 to 999. */
export async function aimeTask(source: DataSource, options: PromptOptions = {}): Promise<Task> {
  const columns = { problem: ["problem", "question"], answer: ["answer"] };
  return fileTask("AIME", await readRecords(source), columns, (column) => {
    const answer = plainNumber(textField(column, "answer"));
    if (!answer || !/^\d{1,3}$/.test(answer)) {
      throw new RowError("answer is no whole number from 0 to 999");
    }
    const prompt = chatPrompt(textField(column, "problem"), { instruction: BOXED, ...options });
    return { prompt, task: "AIME", answer };
  });
}

/**
 * GPQA (Rein et al. 2311.12022), as its CSV files are: `Question`, `Correct Answer` and three `Incorrect Answer`s, in an
 * order that (seed, row) fixes. The row's `answer` is a letter, its level the field of science.
 */
export async function gpqaTask(
  source: DataSource,
  options: PromptOptions & { readonly seed: number },
): Promise<Task> {
  const wrong = [1, 2, 3].map((number) => `Incorrect Answer ${number}`);
  const names = ["Question", "Correct Answer", ...wrong, "High-level domain"];
  const columns = Object.fromEntries(names.map((name) => [name, [name]]));
  return fileTask("GPQA", await readRecords(source), columns, (column, index) => {
    const right = textField(column, "Correct Answer");
    const random = new CounterRandom(options.seed, ORDER_STREAM, index);
    const order = random.shuffled([0, 1, 2, 3]);
    const all = [right, ...wrong.map((name) => textField(column, name))];
    const choices = order.map((at) => all[at]);
    const listed = choices.map((choice, at) => `${LETTERS[at]}) ${choice}`).join("\n");
    const question = `${textField(column, "Question")}\n\n${listed}`;
    const prompt = chatPrompt(question, { instruction: LETTER, ...options });
    const level = textField(column, "High-level domain");
    return { prompt, task: "GPQA", level, answer: LETTERS[order.indexOf(0)], choices };
  });
}
