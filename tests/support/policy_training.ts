/** GRPO's gradients of a reference file's batch through a whole model: padded rows made ragged, the loss over a tape. */
import type { GradientPlaces } from "../../packages/grpo/src/autograd/recorder.ts";
import { Tape } from "../../packages/grpo/src/autograd/tape.ts";
import { policyLoss, type PolicyLossResult, type TrlGrpoConfig } from "../../packages/grpo/mod.ts";
import { makeBatch } from "../../packages/runtime/src/batch.ts";
import { adaptedOps, type Adapters } from "../../packages/runtime/src/lora/mod.ts";
import type { FixtureBatch } from "./policy_fixture.ts";
import type { TrainableModel } from "./trainable_model.ts";

/** A loss with the log-probabilities `[B][T]` that it is of. */
export interface PolicyPass extends PolicyLossResult {
  readonly logps: readonly number[][];
}

/** Adds the gradients of the loss to their places. */
export async function policyGradients(
  { backend, model }: TrainableModel,
  places: GradientPlaces,
  batch: FixtureBatch,
  config: TrlGrpoConfig,
  adapters: Adapters = new Map(),
): Promise<PolicyPass> {
  using tape = new Tape(backend, places, { checkpoint: true });
  const { inputs, rows, targets, at } = raggedRows(batch);
  const { batch: ragged, ids } = makeBatch(inputs);
  const hidden = model.forward(adaptedOps(tape, adapters), ids, ragged, null);
  const counted = tape.selectRows(hidden, rows);
  const temperature = config.temperature ?? 1;
  const logps = tape.tokenLogprobs(counted, model.head, targets, temperature);
  const entropies = backend.grad.entropies(counted, model.head, temperature);
  const inRows = async (tensor: typeof logps) => {
    const padded = batch.completion_mask.map((row) => row.map(() => 0));
    (await tape.read(tensor)).forEach((value, i) => padded[at[i].row][at[i].token] = value);
    return padded;
  };
  const own = await inRows(logps);
  const result = policyLoss({
    logps: own,
    oldLogps: batch.old_per_token_logps,
    refLogps: batch.ref_per_token_logps,
    mask: batch.completion_mask,
    advantages: batch.advantages,
    numItemsInBatch: batch.num_items_in_batch,
    entropies: await inRows(entropies),
  }, config);
  const slopes = Float32Array.from(at, ({ row, token }) => result.gradLogps[row][token]);
  tape.backward(logps, tape.tensor(slopes, [slopes.length]));
  return { ...result, logps: own };
}

/** Sequences without padding, and the rows whose next token is one of a completion. */
function raggedRows(batch: FixtureBatch) {
  const rows: number[] = [];
  const targets: number[] = [];
  const at: { readonly row: number; readonly token: number }[] = [];
  let start = 0;
  const inputs = batch.prompt_ids.flatMap((prompt, row) => {
    const kept = prompt.filter((_, i) => batch.prompt_mask[row][i] === 1);
    const ids = [...kept];
    batch.completion_ids[row].forEach((id, token) => {
      if (batch.completion_mask[row][token] !== 1) return;
      rows.push(start + ids.length - 1);
      targets.push(id);
      at.push({ row, token });
      ids.push(id);
    });
    start += ids.length;
    return [{ sequence: null, ids, firstPosition: 0 }];
  });
  return { inputs, rows, targets: Int32Array.from(targets), at };
}
