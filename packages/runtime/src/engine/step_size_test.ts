/** Tests of the size of steps: it follows the time they take, within bounds. */
import { assertEquals } from "@std/assert";
import { StepSize } from "./step_size.ts";

Deno.test("StepSize: grows and shrinks with the time that steps take", () => {
  const size = new StepSize(100);
  assertEquals(size.rows, 16);
  size.took(16, 50); // 3 ms a row
  assertEquals(size.rows, 32);
  size.took(32, 50);
  assertEquals(size.rows, 64);
  size.took(64, 200);
  assertEquals(size.rows, 32);
  size.took(40, 1); // beside others that decode
  assertEquals(size.rows, 256);
});

Deno.test("StepSize: keeps within 4 and 256, and does not judge by steps that were not full", () => {
  const size = new StepSize(50);
  size.took(16, 1e6);
  assertEquals(size.rows, 4);
  size.took(3, 1e6);
  size.took(1, 0);
  assertEquals(size.rows, 4);
  size.took(4, 0);
  assertEquals(size.rows, 256);
  size.took(255, 1e6);
  assertEquals(size.rows, 256);
});
