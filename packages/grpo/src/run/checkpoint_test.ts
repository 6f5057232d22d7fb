/** Tests of checkpoints: a training goes on to the same bits, and what does not fit is named and changes nothing. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { CheckpointError, frozenCopy, openTrainable } from "@aha/runtime/training";
import { fixturePath } from "../../../../tests/support/fixture.ts";
import { AdamWOptimizer } from "../optim/adamw.ts";
import { fullPolicy, type Policy } from "../policy/policy.ts";
import { addGradients } from "../policy/token_pass.ts";
import { openCheckpoint, type TrainingState, writeCheckpoint } from "./checkpoint.ts";

const FACTS = {
  steps: 3,
  tokens: 120,
  numericsId: "x",
  config: '{"seed":1}',
  inputs: { model: "a" },
};
const SEQUENCE = { ids: [3, 4, 5, 6, 7, 8], mask: [0, 1, 1, 1, 1, 1] };

async function training(name = "llama_untied") {
  const policy = fullPolicy(
    await openTrainable(fixturePath(`models/${name}/gguf/model-F32.gguf`)),
  );
  const { parameters, model } = policy;
  const { grad } = model.backend;
  const optimizer = new AdamWOptimizer(grad, parameters, { weightDecay: 0.1 });
  const { parameters: reference } = await frozenCopy(model);
  return { policy, state: { grad, parameters, optimizer, reference } };
}

async function step({ policy, state }: { policy: Policy; state: TrainingState }) {
  await addGradients(policy, [SEQUENCE], [new Float32Array(5).fill(-0.2)]);
  state.optimizer.step(1e-2);
}

async function numbers({ grad, parameters }: TrainingState): Promise<Float32Array[]> {
  const all: Float32Array[] = [];
  for (const { parameter } of parameters.all) all.push(await grad.readParameter(parameter));
  return all;
}

async function saved(state: TrainingState): Promise<Blob> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  const sink = { write: (bytes: Uint8Array) => void parts.push(new Uint8Array(bytes)) };
  await writeCheckpoint(sink, state, FACTS);
  return new Blob(parts);
}

for (const name of ["llama_untied", "deepseek_v3"]) {
  Deno.test(`checkpoint of ${name}: goes on to the same bits`, async () => {
    const first = await training(name);
    await step(first);
    await step(first);
    const blob = await saved(first.state);
    await step(first);
    const wanted = await numbers(first.state);
    const second = await training(name);
    await step(second);
    const checkpoint = await openCheckpoint(blob);
    assertEquals(checkpoint.facts, FACTS);
    await checkpoint.restore(second.state);
    await checkpoint.close();
    assertEquals(second.state.optimizer.steps, 2);
    await step(second);
    assertEquals(await numbers(second.state), wanted);
    const [initial] = second.state.reference ?? [];
    assert(initial !== undefined);
    for (const one of [first, second]) await one.policy.model.close();
  });
}

Deno.test("checkpoint: another model, a damaged file and no checkpoint are refused", async () => {
  const llama = await training();
  const other = await training("deepseek_v3");
  const blob = await saved(other.state);
  const checkpoint = await openCheckpoint(blob);
  const before = await numbers(llama.state);
  await assertRejects(() => checkpoint.restore(llama.state), Error, "is of another model");
  assertEquals(await numbers(llama.state), before);
  await checkpoint.close();
  await assertRejects(() => openCheckpoint(blob.slice(0, blob.size - 10)), Error, "cut short");
  const file = await fetch(`data:,${"x".repeat(100)}`).then((response) => response.blob());
  await assertRejects(() => openCheckpoint(file), Error);
  for (const one of [llama, other]) await one.policy.model.close();
});

Deno.test("checkpoint: one flipped bit anywhere is found before anything is restored", async () => {
  const { policy, state } = await training();
  const bytes = new Uint8Array(await (await saved(state)).arrayBuffer());
  const head = 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const inHead = [1, 2, 3].map((i) => Math.floor(head * i / 4));
  const all = Array.from({ length: 90 }, (_, i) => Math.floor(i * bytes.length / 90));
  for (const at of [...all, ...inHead, head, bytes.length - 1]) {
    bytes[at] ^= 1 << at % 8;
    const open = () => openCheckpoint(new Blob([bytes]));
    await assertRejects(open, CheckpointError, at >= head ? "is damaged" : "");
    bytes[at] ^= 1 << at % 8;
  }
  await (await openCheckpoint(new Blob([bytes]))).close();
  await policy.model.close();
});
