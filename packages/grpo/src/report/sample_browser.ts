/** Completions by step, with a slider; without a script all are shown, in order. Chooses which when there are many. */
import { type Html, markup } from "./html.ts";
import { numberText } from "./number_text.ts";
import type { StepSample } from "./run_data.ts";
import type { SamplesSection } from "./sections.ts";
import { thoughtParts, wordCount } from "./thought_parts.ts";

/** So that a report of a long run stays small. */
const MOST_STEPS = 80;
const MOST_OF_STEP = 6;
const MOST_CHARACTERS = 8000;

/** The section below its title. */
export function sampleBrowser(section: SamplesSection): Html {
  const { samples, moments = [], highlights = [] } = section;
  const steps = chosenSteps(samples, moments.map(({ step }) => step));
  if (steps.length === 0) return markup`<p class="empty">No samples yet.</p>`;
  const pattern = highlightPattern(highlights);
  const last = steps.length - 1;
  const ofStep = (step: number): Html[] =>
    samples.filter((sample) => sample.step === step).slice(0, MOST_OF_STEP)
      .map((sample) => sampleArticle(sample, pattern));
  return markup`
    <div class="samples">
    <div class="slider">
      <label>Step <input type="range" min="0" max="${last}" value="${last}" data-steps="${
    steps.join(" ")
  }"></label>
      <output>${steps[last]}</output>
      ${
    moments.map(({ step, label }) =>
      markup`
      <button type="button" data-step="${step}">${label} (step ${step})</button>`
    )
  }
    </div>
    ${
    steps.map((step) =>
      markup`
    <div class="step" data-step="${step}"><h3>Step ${step}</h3>${ofStep(step)}</div>`
    )
  }
    </div>
  `;
}

/** First, last and evenly between, the moments among them. */
function chosenSteps(samples: readonly StepSample[], moments: readonly number[]): number[] {
  const all = [...new Set(samples.map(({ step }) => step))].sort((a, b) => a - b);
  const every = (all.length - 1) / (MOST_STEPS - 1);
  const even = Array.from({ length: MOST_STEPS }, (_, i) => all[Math.round(i * every)]);
  const chosen = all.length <= MOST_STEPS
    ? all
    : [...even, ...moments.filter((m) => all.includes(m))];
  return [...new Set(chosen)].sort((a, b) => a - b);
}

function sampleArticle(sample: StepSample, pattern: RegExp | undefined): Html {
  const { prompt, completion, reward, rewards, advantage, tokens, isFinished } = sample;
  const { thought, answer, isThoughtEnded } = thoughtParts(completion);
  const valueText = (value: number | null): string => value === null ? "–" : numberText(value);
  const facts = [
    ...Object.entries(rewards).map(([name, value]) => `${name} ${valueText(value)}`),
    ...(advantage === undefined ? [] : [`advantage ${numberText(advantage)}`]),
    `${tokens} tokens`,
  ];
  return markup`
    <article>
    <header>
      <strong class="reward">${
    reward === null ? "not judged" : `reward ${numberText(reward)}`
  }</strong>
      ${facts.map((fact) => markup`<span>${fact}</span> `)}
      ${!isFinished && markup`<span class="warn">cut off</span>`}
    </header>
    <pre class="prompt">${cut(prompt)}</pre>
    ${thought !== undefined && foldedThought(thought, isThoughtEnded, pattern)}
    <pre class="answer">${
    answer ? highlighted(cut(answer), pattern) : markup`<em>no answer</em>`
  }</pre>
    </article>
  `;
}

function foldedThought(thought: string, isEnded: boolean, pattern: RegExp | undefined): Html {
  const marks = pattern ? [...thought.matchAll(pattern)].length : 0;
  const facts = [
    `Thought: ${wordCount(thought)} words`,
    ...(marks > 0 ? [`${marks} marked`] : []),
    ...(isEnded ? [] : ["without an end"]),
  ];
  return markup`
    <details${marks > 0 && markup` class="has-marks"`}>
    <summary>${facts.join(", ")}</summary>
    <pre>${highlighted(cut(thought), pattern)}</pre>
    </details>
  `;
}

function cut(text: string): string {
  if (text.length <= MOST_CHARACTERS) return text;
  return `${text.slice(0, MOST_CHARACTERS)}… (${text.length - MOST_CHARACTERS} characters more)`;
}

function highlightPattern(words: readonly string[]): RegExp | undefined {
  if (words.length === 0) return undefined;
  const plain = words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`(?<![\\p{L}\\p{N}])(?:${plain.join("|")})(?![\\p{L}\\p{N}])`, "giu");
}

function highlighted(text: string, pattern: RegExp | undefined): Html {
  if (!pattern) return markup`${text}`;
  const parts: (string | Html)[] = [];
  let end = 0;
  for (const match of text.matchAll(pattern)) {
    parts.push(text.slice(end, match.index), markup`<mark>${match[0]}</mark>`);
    end = match.index + match[0].length;
  }
  return markup`${[...parts, text.slice(end)]}`;
}
