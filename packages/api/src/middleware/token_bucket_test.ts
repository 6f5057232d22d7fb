/** Tests of token_bucket.ts. */
import { assertAlmostEquals, assertEquals } from "@std/assert";
import { TokenBucket } from "./token_bucket.ts";

Deno.test("TokenBucket: fills up by the minute, may be overdrawn and pays back", () => {
  let nowMs = 0;
  const bucket = new TokenBucket(60, () => nowMs);
  assertEquals(bucket.level, 60);
  bucket.take(90);
  assertEquals(bucket.level, -30);
  assertEquals(bucket.waitMs(1), 31_000);
  nowMs = 30_500;
  assertAlmostEquals(bucket.level, 0.5);
  assertEquals(bucket.waitMs(1), 500);
  nowMs = 1e9;
  assertEquals([bucket.level, bucket.waitMs(60)], [60, 0]);
});
