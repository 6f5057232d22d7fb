/** How every bench decodes: one token a step. Runs nothing. */
import type { GenerateOptions } from "@aha/runtime";

/**
 * Greedy, past end tokens, nothing taken over from earlier prompts. Whatever lets a step yield more than one token belongs
 * here, turned off: its figures would be those of the prompt.
 */
export const PLAIN: GenerateOptions = {
  temperature: 0,
  ignoreEnd: true,
  reusePrefix: false,
  speculation: "off",
};
