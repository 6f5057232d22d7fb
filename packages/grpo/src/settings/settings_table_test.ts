/** Tests of settings_table.ts: spellings, what is missing, refused names, partial reading. Knows no setting of a run. */
import { assertEquals, assertThrows } from "@std/assert";
import { count, flag, number, text } from "./field.ts";
import { readSettings, settingsSchema, type SettingsTable } from "./settings_table.ts";

interface Values {
  readonly firstName: string;
  readonly size: number;
  readonly isOn: boolean;
}

const TABLE: SettingsTable<Values> = {
  firstName: { ...text, help: "what it is called" },
  size: { ...count, default: 3, help: "how many" },
  isOn: { ...flag, default: false, help: "whether" },
};

Deno.test("readSettings: both spellings, defaults, null as left out, aliases", () => {
  const whole = { firstName: "a", size: 3, isOn: false };
  assertEquals(readSettings(TABLE, { first_name: "a", size: null }), whole);
  assertEquals(
    readSettings(TABLE, { called: "a" }, { aliases: new Map([["called", "firstName"]]) }),
    whole,
  );
  assertEquals(readSettings<Partial<Values>>(TABLE, { size: 5 }, { isPartial: true }), { size: 5 });
});

Deno.test("readSettings: names the key, the value and what is allowed", () => {
  const refuse = (object: unknown, message: string) =>
    assertThrows(
      () => readSettings(TABLE, object, { prefix: "box.", refused: REFUSED }),
      Error,
      message,
    );
  const REFUSED = [{ name: "old_way", harmless: [1], reason: "there is a new one" }];
  refuse({}, "box.first_name is missing: what it is called");
  refuse({ firstName: "a", sise: 1 }, "box.sise is no known name; did you mean size?");
  refuse({ firstName: "a", first_name: "a" }, "box.first_name is given twice, in two spellings");
  refuse({ firstName: "" }, 'box.firstName is "", it must be a text');
  refuse({ firstName: "a", old_way: 2 }, "box.old_way is 2: there is a new one");
  refuse({ firstName: "a", toString: 1 }, "box.toString is no known name");
  refuse([], "box is [], it must be an object");
  const long = "x".repeat(500);
  assertThrows(
    () => readSettings(TABLE, { firstName: "a", size: long }),
    TypeError,
    "…, it must be",
  );
});

Deno.test("number: every limit is in the message and in the schema", () => {
  const refuse = (limits: Parameters<typeof number>[0], value: number, wanted: string) =>
    assertThrows(
      () => number(limits).read(value, "n"),
      RangeError,
      `n is ${value}, it must be ${wanted}`,
    );
  refuse({ min: 0, max: 1 }, 2, "a number from 0 to 1");
  refuse({ above: 0, max: 1 }, 0, "a number above 0 and at most 1");
  refuse({ min: 2, isWhole: true }, 2.5, "a whole number of at least 2");
  refuse({ max: 4 }, 5, "a number of at most 4");
  refuse({}, NaN, "a number");
  refuse({}, Infinity, "a number");
  assertEquals(number({ above: 0, takesInfinity: true }).read(Infinity, "n"), Infinity);
  assertEquals(number({ above: 0, max: 1 }).schema, {
    type: "number",
    exclusiveMinimum: 0,
    maximum: 1,
  });
});

Deno.test("settingsSchema: what must be given is required in any spelling", () => {
  const { allOf, additionalProperties } = settingsSchema(TABLE);
  assertEquals(allOf, [{ anyOf: [{ required: ["first_name"] }, { required: ["firstName"] }] }]);
  assertEquals(additionalProperties, false);
});
