/** What a run looks like on a terminal: progress, curves, a sample, the last warning; as lines, from what steps told. Writes nothing. */
import { numberText, type Sample, type StepRecord, thoughtParts, wordCount } from "@aha/grpo";
import { bar, sparkline } from "./sparkline.ts";
import { durationText } from "./step_clock.ts";
import { columnsOf, type Paint, type Piece, styledLine } from "./styled_line.ts";
import { metricText, watchedOf } from "./watched_metrics.ts";

/** What there is to show. */
export interface RunState {
  readonly title: string;
  /** The last step's. */
  readonly record: StepRecord;
  /** Values of all steps by metric. */
  readonly history: ReadonlyMap<string, readonly number[]>;
  readonly secondsPerStep?: number;
  readonly warning?: string;
  /** What the last line says. */
  readonly notice: string;
}

/** Room for it. */
export interface Screen {
  readonly columns: number;
  readonly rows: number;
  readonly paint: Paint;
}

const LABEL_COLUMNS = 13;
const VALUE_COLUMNS = 9;
const RANGE_COLUMNS = 22;

/** Lines that fit the screen with one row to spare. */
export function runLines(state: RunState, { columns, rows, paint }: Screen): string[] {
  const { title, record, warning, notice } = state;
  const head: Piece[][] = [[[title, "bold"]], progressPieces(state, columns)];
  const foot: Piece[][] = [
    ...(warning === undefined ? [] : [[[`! ${warning}`, "warning"] as const]]),
    [[notice, "dim"]],
  ];
  const room = Math.max(0, rows - 1 - head.length - foot.length);
  const curves = curvePieces(state, columns).slice(0, room);
  const sample = record.samples.length === 0 ? [] : samplePieces(record, columns);
  const body = [...curves, ...(curves.length + sample.length <= room ? sample : [])];
  return [...head, ...body, ...foot].slice(0, Math.max(1, rows - 1))
    .map((pieces) => styledLine(pieces, columns, paint));
}

function progressPieces(state: RunState, columns: number): Piece[] {
  const { record: { step, totalSteps } } = state;
  const share = totalSteps > 0 ? step / totalSteps : 0;
  const told = `step ${step} of ${totalSteps} `;
  const rest = ` ${Math.floor(share * 100)} %${remainingText(state)}`;
  const width = Math.min(40, columns - told.length - rest.length);
  return [told, ...(width >= 8 ? [[bar(share, width), "dim"] as const] : []), rest];
}

/** Time left and of a step. */
function remainingText({ record, secondsPerStep }: RunState): string {
  if (secondsPerStep === undefined) return "";
  const left = (record.totalSteps - record.step) * secondsPerStep;
  return `, ${durationText(left)} left, ${numberText(secondsPerStep)} s a step`;
}

function curvePieces({ record, history }: RunState, columns: number): Piece[][] {
  return watchedOf(record.metrics).map((metric) => {
    const { name, label } = metric;
    const values = history.get(name) ?? [];
    const finite = values.filter(Number.isFinite);
    const text = (value: number): string => metricText(metric, value);
    const range = finite.length > 1
      ? `  ${text(Math.min(...finite))} to ${text(Math.max(...finite))}`
      : "";
    const width = Math.min(60, columns - LABEL_COLUMNS - VALUE_COLUMNS - 2 - RANGE_COLUMNS);
    return [
      [label.padEnd(LABEL_COLUMNS), "dim"],
      text(record.metrics[name]).padStart(VALUE_COLUMNS),
      ...(width >= 8
        ? [`  ${sparkline(values, width).padEnd(width)}`, [range, "dim"] as const]
        : []),
    ];
  });
}

function samplePieces({ step, samples }: StepRecord, columns: number): Piece[][] {
  const [sample] = samples;
  const { thought, answer, isThoughtEnded } = thoughtParts(sample.completion);
  const words = thought === undefined ? 0 : wordCount(thought);
  const head = `  thought, ${words} words${isThoughtEnded ? "" : ", no end"}: `;
  const folded: Piece[][] = thought === undefined ? [] : [dimEnd(head, thought, columns)];
  return [
    [""],
    [[`sample of step ${step}: `, "dim"], ...judged(sample)],
    dimEnd("  prompt: ", sample.prompt, columns),
    ...folded,
    ["  ", answer === "" ? ["no answer", "dim"] : answer.replace(/\s+/g, " ")],
  ];
}

/** A dim line with the end of a text: what a thought came to, what a prompt asks. */
function dimEnd(head: string, text: string, columns: number): Piece[] {
  const row = text.replace(/\s+/g, " ").trim();
  const room = Math.max(8, columns - head.length);
  let end = row.slice(-room);
  while (columnsOf(end) > room - 1 && end.length < row.length || columnsOf(end) > room) {
    end = end.slice(Math.max(1, Math.floor((columnsOf(end) - room) / 2)));
  }
  return [[head, "dim"], [end.length < row.length ? `…${wholeStart(end)}` : end, "dim"]];
}

/** Without the second half of a pair that the cut went through. */
function wholeStart(text: string): string {
  return text.replace(/^[\udc00-\udfff]/, "");
}

function judged({ reward, rewards, tokens, isFinished }: Sample): Piece[] {
  const valueText = (value: number | null): string => value === null ? "–" : numberText(value);
  const parts = Object.entries(rewards).map(([name, value]) => `${name} ${valueText(value)}`);
  const told = parts.length > 0 ? ` (${parts.join(", ")})` : "";
  const cut = isFinished ? "" : ", cut off";
  return [
    `${
      reward === null ? "not judged" : `reward ${numberText(reward)}`
    }${told}, ${tokens} tokens${cut}`,
  ];
}

/** A step as one line, where nothing can be drawn in place. */
export function stepLine(
  { record, secondsPerStep }: Pick<RunState, "record" | "secondsPerStep">,
): string {
  const { step, totalSteps, metrics } = record;
  const values = watchedOf(metrics).map((metric) =>
    `${metric.label} ${metricText(metric, metrics[metric.name])}`
  );
  const left = secondsPerStep === undefined || step >= totalSteps
    ? []
    : [`${durationText((totalSteps - step) * secondsPerStep)} left`];
  return [`step ${step}/${totalSteps}`, ...values, ...left].join("  ");
}
