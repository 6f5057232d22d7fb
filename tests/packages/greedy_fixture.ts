/** A small model file and the greedy tokens that it must give, for programs that run outside of this workspace. */
import { fixtureJson, fixturePath } from "../support/fixture.ts";

interface Prompt {
  readonly ids: readonly number[];
  readonly greedy: readonly number[];
}

/** Path of the model file. */
export const MODEL_PATH: string = fixturePath("models/llama_untied/gguf/model-F32.gguf");

const { prompts } = fixtureJson<{ readonly prompts: readonly Prompt[] }>(
  "models/llama_untied/expected.json",
);

/** A prompt and what follows it. */
export const [{ ids: PROMPT_IDS, greedy: GREEDY_IDS }] = prompts;
