/** Tests of leftovers.ts: samples of Prometheus' text. */
import { assertEquals, assertThrows } from "@std/assert";
import { sumOfSamples } from "./leftovers.ts";

const TEXT = `# HELP aha_kv_pages Pages
# TYPE aha_kv_pages gauge
aha_kv_pages{model="a",state="used"} 3
aha_kv_pages{model="a",state="kept"} 40
aha_kv_pages{model="b",state="used"} 4
llamacpp:requests_processing 2
llamacpp:requests_processing_total 9
`;

Deno.test("sumOfSamples: of all models, of one label, of no other name", () => {
  assertEquals(sumOfSamples(TEXT, 'aha_kv_pages{.*state="used"}'), 7);
  assertEquals(sumOfSamples(TEXT, "aha_kv_pages"), 47);
  assertEquals(sumOfSamples(TEXT, "llamacpp:requests_processing"), 2);
  assertThrows(() => sumOfSamples(TEXT, "aha_model_answers"), RangeError, "no sample");
});
