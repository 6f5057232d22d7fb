/** Tests of the trainer around its rounds: the memory of the largest one is taken before the first. What it learns is tested in tests/parity. */
import { assert } from "@std/assert";
import { smallTrainer } from "../../../../tests/support/small_grpo_run.ts";

Deno.test("GrpoTrainer.reserve: takes the memory of rollouts and of the pass that trains, so that rounds take no more", async () => {
  const trainer = await smallTrainer({
    file: "llama_untied/gguf/model-F32",
    kind: "all",
    objective: { max_completion_length: 200, beta: 0.04 },
    settings: { microBatchTokens: 2048 },
  });
  const { model } = trainer.policy;
  try {
    const bytes = () => model.backend.memoryBytes();
    const before = bytes();
    await trainer.reserve();
    const reserved = bytes();
    assert(reserved > before, "nothing was taken");
    await trainer.next();
    assert(bytes() <= reserved, `${bytes() - reserved} bytes more than the ${reserved} reserved`);
  } finally {
    trainer.free();
    await model.close();
  }
});
