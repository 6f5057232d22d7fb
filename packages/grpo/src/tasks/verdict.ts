/** What a verifier says of a completion: all that rewards and evaluation take from it. Types only. */

/** The worth of one completion. */
export interface Verdict {
  /** Whether it has the form that its task asks for. */
  readonly hasFormat: boolean;
  /** Whether the answer that stands where answers belong is right, whatever the rest looks like. */
  readonly isRight: boolean;
  /** Right, in the form that is asked for. */
  readonly isStrictlyRight: boolean;
  /** Right also where the answer must be searched for: its mark is missing. */
  readonly isLenientlyRight: boolean;
  /** What is answered, equal for answers that say the same: votes go to it. `null`: no answer. */
  readonly answerClass: string | null;
  /** Share of the language that is asked for; `null` where no language is asked for. */
  readonly languageShare: number | null;
  /** Tokens of the thought; `null` where the verifier knows no tokens. */
  readonly thoughtLength: number | null;
  /** How often the thought turns on itself; what counts is the verifier's to say. */
  readonly reflections: number;
}
