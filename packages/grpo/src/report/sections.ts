/** Parts of a report: curves, bars, tables, samples and texts, as data. Types only: `html_report.ts` draws them. */
import type { StepSample } from "./run_data.ts";

/** A part of a report. */
export type Section = CurveSection | BarsSection | TableSection | SamplesSection | TextSection;

interface Titled {
  readonly title: string;
  /** One or two sentences below the title. */
  readonly note?: string;
}

/** A point; those that are not finite are gaps. */
export interface CurvePoint {
  readonly x: number;
  readonly y: number;
  /** Standard error, drawn as a band. */
  readonly error?: number;
}

/** Values over steps, budgets, votes, ... Neighbouring curves stand side by side. */
export interface CurveSection extends Titled {
  readonly kind: "curve";
  /** What x is: `step`. */
  readonly xLabel: string;
  readonly xScale?: "linear" | "log";
  readonly yScale?: "linear" | "log";
  /** Values that the axis shows at least, such as [0, 1]. */
  readonly yRange?: readonly [low: number, high: number];
  readonly series: readonly { readonly name: string; readonly points: readonly CurvePoint[] }[];
  /** Moments worth a line. */
  readonly marks?: readonly { readonly x: number; readonly label: string }[];
}

/** Amounts by name; several values of a row stand below each other. */
export interface BarsSection extends Titled {
  readonly kind: "bars";
  /** What the values of each row are, if there are several. */
  readonly names?: readonly string[];
  readonly rows: readonly { readonly label: string; readonly values: readonly number[] }[];
  /** A value to compare with, such as an even load. */
  readonly reference?: { readonly label: string; readonly value: number };
}

/** A cell: numbers stand right, null is a dash. */
export type Cell = string | number | null;

/** Rows and columns; the first cell of a row is its head. */
export interface TableSection extends Titled {
  readonly kind: "table";
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
}

/** Completions by step, thoughts folded. */
export interface SamplesSection extends Titled {
  readonly kind: "samples";
  readonly samples: readonly StepSample[];
  /** Words that are marked, such as "wait". */
  readonly highlights?: readonly string[];
  /** Steps to jump to, such as the first reflection. */
  readonly moments?: readonly { readonly step: number; readonly label: string }[];
}

/** Paragraphs. */
export interface TextSection extends Titled {
  readonly kind: "text";
  readonly paragraphs: readonly string[];
  /** `warning` is drawn so that it is seen. */
  readonly tone?: "plain" | "warning";
}
