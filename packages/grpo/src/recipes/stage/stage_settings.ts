/** What a stage is made and measured with, kept from its first moment: whatever it has left, it goes on under the same alone. Trains nothing. */
import type { EvaluationSettings } from "../settings/settings.ts";
import { folderOf, type Lab, type StageName } from "./lab.ts";
import { STAGE_FILES } from "./stage_folder.ts";

/** All of `settings.json`. */
interface KeptSettings {
  readonly seed: number;
  /** As JSON. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly evaluation: EvaluationSettings;
}

/** A stage's settings as JSON, with those that belong to no stage. */
export function settingsOf({ settings }: Lab, name: StageName): Record<string, unknown> {
  const { languages, levels, maxTokens } = settings;
  return JSON.parse(JSON.stringify({ languages, levels, maxTokens, ...settings[name] }));
}

/** Writes down what a stage is begun with, once: its data and evaluation are not made anew where it goes on. */
export async function keepSettings(lab: Lab, name: StageName): Promise<void> {
  const folder = folderOf(lab, name);
  if (folder.has(STAGE_FILES.settings)) return;
  folder.prepare();
  const kept = { seed: lab.seed, settings: settingsOf(lab, name), evaluation: evaluationOf(lab) };
  await folder.writeJson(STAGE_FILES.settings, kept);
}

/**
 * Whether a stage may be gone on with, or left as it is.
 * @throws {Error} naming the first setting that is another now than when the stage was begun, or in its `mark`
 */
export function expectSettings(
  lab: Lab,
  name: StageName,
  mark?: Pick<KeptSettings, "seed" | "settings">,
): void {
  const kept = folderOf(lab, name).read<KeptSettings>(STAGE_FILES.settings);
  const made = mark ?? kept;
  const own = { seed: lab.seed, ...settingsOf(lab, name) };
  if (made) expectSame(lab, name, { seed: made.seed, ...made.settings }, own);
  if (kept) {
    expectSame(lab, name, evaluationKeys(kept.evaluation), evaluationKeys(evaluationOf(lab)));
  }
}

function evaluationOf({ settings: { evaluation } }: Lab): EvaluationSettings {
  return JSON.parse(JSON.stringify(evaluation));
}

function evaluationKeys(evaluation: EvaluationSettings): Record<string, unknown> {
  const pairs = Object.entries(evaluation).map(([key, value]) => [`evaluation.${key}`, value]);
  return Object.fromEntries(pairs);
}

function expectSame(
  { out }: Lab,
  name: StageName,
  made: Readonly<Record<string, unknown>>,
  own: Readonly<Record<string, unknown>>,
): void {
  for (const key of Object.keys({ ...own, ...made })) {
    const [was, is] = [JSON.stringify(made[key]), JSON.stringify(own[key])];
    if (was === is) continue;
    throw new Error(
      `The stage ${name} in ${out} was made with ${key} ${was}, it is ${is} now: go on as it began, or take another --out`,
    );
  }
}
