/** Tests of presets.ts and the table: columns, changes, names that there are not. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { changedSettings, recipeSettings } from "./presets.ts";
import {
  FIXED_ROWS,
  fixedValues,
  PRESET_NAMES,
  SHARED_ROWS,
  STAGE_ROWS,
} from "./settings_table.ts";

Deno.test("recipeSettings: a preset is its column", () => {
  for (const [at, name] of PRESET_NAMES.entries()) {
    const settings = recipeSettings(name);
    assertEquals(settings.maxTokens, SHARED_ROWS.maxTokens[at + 1]);
    assertEquals(settings.r1_zero.learningRate, STAGE_ROWS.r1_zero.learningRate[at + 1]);
    assertEquals(settings.pretrain.shape, STAGE_ROWS.pretrain.shape[at + 1]);
  }
  assertThrows(() => recipeSettings("huge"), RangeError, "ci, mini, nano, micro");
});

Deno.test("settings table: every row has the paper's value in words and one of each preset", () => {
  for (const [stage, rows] of Object.entries({ shared: SHARED_ROWS, ...STAGE_ROWS })) {
    for (const [name, row] of Object.entries(rows)) {
      assertEquals(row.length, 1 + PRESET_NAMES.length, `${stage}.${name}`);
      assert(typeof row[0] === "string" && row[0] !== "", `${stage}.${name}`);
    }
  }
});

Deno.test("fixed rows: the paper's value in words, then the one here", () => {
  for (const [kind, rows] of Object.entries(FIXED_ROWS)) {
    for (const [name, row] of Object.entries(rows)) {
      assert(typeof row[0] === "string" && row[0] !== "", `${kind}.${name}`);
    }
  }
  assertEquals(fixedValues(FIXED_ROWS.reinforcement), {
    ...{ beta1: 0.9, beta2: 0.95, weightDecay: 0.1, maxGradientNorm: 1 },
    ...{ epsilon: 10, numIterations: 1, refModelSyncSteps: 0 },
  });
});

Deno.test("changedSettings: changes what is named, refuses what is not there", () => {
  const ci = recipeSettings("ci");
  const changed = changedSettings(ci, { maxTokens: 9, r1_zero: { steps: 3 } });
  assertEquals([changed.maxTokens, changed.r1_zero.steps], [9, 3]);
  assertEquals(changed.r1_zero.group, ci.r1_zero.group);
  assertEquals(ci.r1_zero.steps, 40);
  assertEquals(changedSettings(ci, { levels: { CHAIN: [2] } }).levels, { CHAIN: [2] });
  const wrong = { r1_zero: { step: 3 } } as Record<string, object>;
  assertThrows(() => changedSettings(ci, wrong), RangeError, "r1_zero.step is no setting");
  const none = { zero: {} } as Record<string, object>;
  assertThrows(() => changedSettings(ci, none), RangeError, "zero is no setting");
});
