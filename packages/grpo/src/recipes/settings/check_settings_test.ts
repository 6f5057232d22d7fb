/** Tests of check_settings.ts: presets pass, a wrong value is named, completions must have room. */
import { assertThrows } from "@std/assert";
import { SHAPES } from "../../model/shape.ts";
import { checkSettings } from "./check_settings.ts";
import { changedSettings, recipeSettings, type SettingChanges } from "./presets.ts";
import { PRESET_NAMES } from "./settings_table.ts";

Deno.test("checkSettings: every preset passes", () => {
  for (const name of PRESET_NAMES) checkSettings(recipeSettings(name));
});

Deno.test("checkSettings: a value that cannot be is named with what is allowed", () => {
  const refused: [object, string][] = [
    [{ pretrain: { steps: "many" } }, 'pretrain.steps is "many", it must be a whole number'],
    [{ pretrain: { steps: 0 } }, "pretrain.steps is 0, it must be a whole number above 0"],
    [{ pretrain: { tasks: "CHAIN" } }, 'pretrain.tasks is "CHAIN", it must be an object'],
    [{ r1_zero: { group: 1 } }, "r1_zero.group is 1, it must be a whole number of at least 2"],
    [{ r1_zero: { rewards: ["luck"] } }, 'r1_zero.rewards[0] is "luck", it must be one of'],
    [{ evaluation: { samples: -1 } }, "evaluation.samples is -1"],
    [{ languages: ["de"] }, 'languages[0] is "de", it must be one of en, xx'],
    [{ languages: "en" }, 'languages is "en", it must be a list of en and xx'],
    [{ r1_zero: { tasks: { FOO: 1 } } }, "r1_zero.tasks: FOO is no nano task, there are CHAIN,"],
    [{ cold_start: { tasks: {} } }, "cold_start.tasks: weights of tasks are {}, one at least"],
    [{ evaluation: { tasks: { CD: -1 } } }, 'evaluation.tasks: weights of tasks are {"CD":-1}'],
    [{ levels: 3 }, "levels is 3, it must be an object of tasks with their levels"],
    [{ levels: { CHAIN6: 3 } }, "levels.CHAIN6 is 3, it must be a list of levels"],
    [{ levels: { CHAIN7: [3] } }, 'a task of levels is "CHAIN7", it must be one of CHAIN,'],
    [{ levels: { CHAIN6: [3] } }, "pretrain.tasks: levels of CHAIN6 are [3], there are 6"],
    [{ pretrain: { shape: { layers: 1 } } }, "pretrain.shape.architecture is undefined"],
    [{ student: { shape: { ...SHAPES.ci, layers: 0 } } }, "student.shape.layers is 0, it must be"],
    [{ student: { shape: { ...SHAPES.ci, heads: 3 } } }, "student.shape.width is 64, it must be a"],
    [
      { pretrain: { shape: { ...SHAPES.ci_v3, latent: 1 } } },
      "pretrain.shape.latent is 1, it must",
    ],
    [{ distill: 3 }, "distill is 3, it must be the settings of a stage"],
  ];
  for (const [changes, message] of refused) {
    const settings = changedSettings(recipeSettings("ci"), changes as SettingChanges);
    assertThrows(() => checkSettings(settings), Error, message);
  }
});

Deno.test("checkSettings: completions that have no room are refused before anything is trained", () => {
  const settings = changedSettings(recipeSettings("nano"), { maxTokens: 30 });
  assertThrows(() => checkSettings(settings), RangeError, "maxTokens is 30, but completions of");
});
