/** How much to think, in DeepSeek's and OpenAI's words, and what it becomes. Thinks nothing. */
import { z } from "@hono/zod-openapi";

/** DeepSeek's switch; `budget_tokens` is Anthropic's word for the most tokens of a thought. */
export const thinkingSchema = z.object({
  type: z.enum(["enabled", "disabled"]),
  budget_tokens: z.int().min(0).nullish(),
});

export const effortSchema = z
  .enum(["none", "minimal", "low", "medium", "high", "xhigh", "max"])
  .describe("Most tokens of a thought: 0, 128, 512, 2048, 8192; xhigh and max: no bound");

/** Most tokens of a thought for each effort: what small models with contexts of a few thousand tokens have room for. */
const EFFORTS: Readonly<Record<z.infer<typeof effortSchema>, "on" | "off" | number>> = {
  ...{ none: "off", minimal: 128, low: 512, medium: 2048, high: 8192 },
  ...{ xhigh: "on", max: "on" },
};

/** Whether to think and how long; undefined: as the model does. A budget goes before an effort. */
export function thinkOf(
  thinking: z.infer<typeof thinkingSchema> | null | undefined,
  effort: z.infer<typeof effortSchema> | null | undefined,
): "on" | "off" | number | undefined {
  if (thinking?.type === "disabled") return "off";
  const budget = thinking?.budget_tokens ?? (effort ? EFFORTS[effort] : undefined);
  return budget ?? (thinking ? "on" : undefined);
}
