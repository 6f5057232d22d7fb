/** Tests of passes over documents: gradients against finite differences of losses written apart in float64, bits that depend
 * on no cut and no thread, documents that do not see each other. */
import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { modelBlob } from "../../../../tests/support/f32_model.ts";
import { multiTokenModel } from "../../../../tests/support/multi_token_model.ts";
import { referenceBackend } from "../../../../tests/support/reference_ops/reference_backend.ts";
import { valuesOf } from "../../../../tests/support/reference_ops/values.ts";
import { seededRandom } from "../../../../tests/support/seeded_random.ts";
import { MODEL_FINITE_DIFFERENCE, norm } from "../../../../tests/support/tolerance.ts";
import { openTrainable as openOn } from "../../../../tests/support/trainable_model.ts";
import {
  makeBatch,
  openTrainable,
  type Ops,
  type Tensor,
  type TrainableModel,
  UnsupportedError,
} from "@aha/runtime/training";
import { NotFiniteError } from "../optim/not_finite.ts";
import { nanoTokenizer } from "../model/nano_tokenizer.ts";
import { newModel } from "../model/new_model.ts";
import { type MixtureShape, SHAPES } from "../model/shape.ts";
import type { CountedSequence } from "../policy/counted_sequence.ts";
import { fullPolicy, type Policy } from "../policy/policy.ts";
import { addDocumentGradients, type DocumentPassOptions } from "./document_pass.ts";

const SMALL: MixtureShape = {
  ...{ architecture: "deepseek2", width: 16, layers: 2, heads: 2, hidden: 24 },
  latent: { queryRank: 8, rank: 8, nopeSize: 4, rotarySize: 4, valueSize: 8 },
  mixture: { experts: 4, used: 2, shared: 1, hidden: 8, denseLayers: 1 },
  multiToken: true,
};

const counted = (ids: readonly number[], prompt = 0): CountedSequence => ({
  ids,
  mask: ids.map((_, i) => i < prompt ? 0 : 1),
});
const DOCUMENTS = [
  counted([1, 7, 9, 47, 25, 48, 20, 46, 3, 4, 2]),
  counted([1, 8, 2], 2),
  counted([1, 7]),
  counted([1, 8, 12, 26, 27, 28, 41, 29, 46, 38, 30], 6),
];
const WEIGHTS = { multiTokenWeight: 0.3, balanceFactor: 0.01 };

const SOURCES: readonly (readonly [string, () => Promise<Blob>])[] = [
  ["a new mixture", () => newModel(SMALL, nanoTokenizer(), 2)],
  ["a layer that shares its norm too", async () => modelBlob(await multiTokenModel([]))],
  ["a layer with all of its own", async () => modelBlob(await multiTokenModel())],
];

for (const [name, blob] of SOURCES) {
  Deno.test(`document pass: finite differences, ${name}`, async () => {
    const policy = fullPolicy(await openOn(referenceBackend(), await blob()));
    const { parameters, model } = policy;
    const found = await addDocumentGradients(policy, DOCUMENTS, WEIGHTS);
    const { total, multiToken, balance } = losses(model, DOCUMENTS, WEIGHTS);
    assertAlmostEquals(found.multiTokenLoss!, multiToken, 1e-6);
    assertAlmostEquals(found.balanceLoss!, balance, 1e-6);
    assertAlmostEquals(found.loss + 0.3 * multiToken + balance, total, 1e-6);
    parameters.settle();
    const random = seededRandom(8);
    for (const { name, parameter, gradient } of parameters.all) {
      const [numbers, slopes] = [valuesOf(parameter), valuesOf(gradient)];
      const direction = numbers.map(() => random(2001) / 1000 - 1);
      const wanted = slopes.reduce((sum, slope, i) => sum + slope * direction[i], 0);
      const lossAt = (step: number) => {
        const before = numbers.slice();
        direction.forEach((d, i) => numbers[i] += step * d);
        const { total } = losses(model, DOCUMENTS, WEIGHTS);
        numbers.set(before);
        return total;
      };
      const difference = (lossAt(1e-6) - lossAt(-1e-6)) / 2e-6;
      const size = Math.max(Math.abs(wanted), 0.1 * norm(slopes), 1e-6);
      const error = Math.abs(difference - wanted) / size;
      // Losses are means: a tenth of the sums that the tolerance is for.
      assert(error <= 10 * MODEL_FINITE_DIFFERENCE, `${name}: off by ${error} of ${size}`);
      assert(norm(slopes) > 0, `${name} has no gradient`);
    }
  });
}

/** The three losses of a step by their definitions, document by document, in float64. */
function losses(
  { model, backend: { ops } }: TrainableModel,
  documents: readonly CountedSequence[],
  { multiTokenWeight, balanceFactor }: typeof WEIGHTS,
): { total: number; multiToken: number; balance: number } {
  const sums = { main: 0, mainCount: 0, guess: 0, guessCount: 0, balance: 0 };
  for (const { ids, mask } of documents) {
    const watched = watchRoutes(ops, (share) => sums.balance += share / documents.length);
    const feed = (tokens: readonly number[]) =>
      makeBatch([{ sequence: null, ids: tokens, firstPosition: 0 }]);
    const all = Array.from(ids);
    const { batch, ids: fed } = feed(all.slice(0, -1));
    const hidden = model.forward(watched, fed, batch, null);
    const targets = Int32Array.from(all.slice(1));
    valuesOf(ops.tokenLogprobs(hidden, model.head, targets, 1)).forEach((logp, i) => {
      sums.main -= mask[i + 1] * logp;
      sums.mainCount += mask[i + 1];
    });
    if (all.length < 3) continue;
    const { multiToken } = model;
    const next = feed(all.slice(1, -1));
    const states = ops.selectRows(hidden, Array.from(next.ids, (_, row) => row));
    const pass = { ops: watched, batch: next.batch, cache: null };
    const guessed = multiToken!.forward(pass, states, next.ids);
    const after = Int32Array.from(all.slice(2));
    valuesOf(ops.tokenLogprobs(guessed, multiToken!.head, after, 1)).forEach((logp, i) => {
      sums.guess -= mask[i + 2] * logp;
      sums.guessCount += mask[i + 2];
    });
  }
  const multiToken = sums.guess / sums.guessCount;
  const balance = balanceFactor * sums.balance;
  const total = sums.main / sums.mainCount + multiTokenWeight * multiToken + balance;
  return { total, multiToken, balance };
}

/** Tells of each router sum f P over the experts (2412.19437, equations 18 to 20). */
function watchRoutes(ops: Ops, told: (balance: number) => void): Ops {
  return {
    ...ops,
    route(x, gate, rule) {
      const routing = ops.route(x, gate, rule);
      const choices = valuesOf(routing.experts as Tensor);
      const logits = valuesOf(ops.linear(x, gate));
      const [rows] = x.shape;
      const experts = gate.rows;
      const shares = new Float64Array(experts);
      for (const id of choices) shares[id] += experts / choices.length;
      let sum = 0;
      for (let row = 0; row < rows; row++) {
        const scores = Array.from(
          logits.subarray(row * experts, (row + 1) * experts),
          (logit) => 1 / (1 + Math.exp(-logit)),
        );
        const all = scores.reduce((total, score) => total + score, 0);
        scores.forEach((score, id) => sum += shares[id] * score / all / rows);
      }
      told(sum);
      return routing;
    },
  };
}

async function gradients({ parameters, model: { backend: { grad } } }: Policy) {
  parameters.settle();
  const all = new Map<string, Float32Array>();
  for (const { name, gradient } of parameters.all) {
    all.set(name, await grad.readGradient(gradient));
  }
  parameters.zero();
  return all;
}

Deno.test("document pass: parts, blocks run again and threads change no bit", async () => {
  for (const [name, blob] of SOURCES.slice(0, 2)) {
    const policy = fullPolicy(await openTrainable(await blob()));
    const run = async (options: DocumentPassOptions, on = policy) => {
      const found = await addDocumentGradients(on, DOCUMENTS, { ...WEIGHTS, ...options });
      return { found, gradients: await gradients(on) };
    };
    const whole = await run({});
    for (const options of [{ microBatchTokens: 1 }, { microBatchTokens: 13, checkpoint: true }]) {
      assertEquals(await run(options), whole, `${name}, ${JSON.stringify(options)}`);
    }
    const alone = fullPolicy(await openTrainable(await blob(), { threads: 1 }));
    assertEquals(await run({ checkpoint: true }, alone), whole);
    await Promise.all([policy.model.close(), alone.model.close()]);
  }
});

Deno.test("document pass: a document's log-probabilities are its own, whatever stands beside it", async () => {
  const policy = fullPolicy(await openTrainable(await SOURCES[0][1](), { threads: 1 }));
  const { logps, loads } = await addDocumentGradients(policy, DOCUMENTS);
  assertEquals(logps.map(({ length }) => length), [10, 1, 1, 5]);
  for (const [i, document] of DOCUMENTS.entries()) {
    assertEquals((await addDocumentGradients(policy, [document])).logps, [logps[i]]);
  }
  // 23 rows with 2 experts each; the layer that guesses has not run.
  assertEquals([...loads].map(([layer, own]) => [layer, own.reduce((a, b) => a + b)]), [[1, 46]]);
  await policy.model.close();
});

Deno.test("document pass: what cannot be", async () => {
  const dense = fullPolicy(
    await openTrainable(await newModel(SHAPES.student, nanoTokenizer(), 1), { threads: 1 }),
  );
  const refused = (documents: readonly CountedSequence[], options?: DocumentPassOptions) => () =>
    addDocumentGradients(dense, documents, options);
  await assertRejects(
    refused(DOCUMENTS, { multiTokenWeight: 0.3 }),
    UnsupportedError,
    "multiTokenWeight is 0.3, but the model has no layer",
  );
  await assertRejects(refused([counted([1])]), RangeError, "Document 0 has 1 tokens, 2 to 256");
  const long = counted(new Array(257).fill(1));
  await assertRejects(refused([DOCUMENTS[0], long]), RangeError, "Document 1 has 257 tokens");
  await assertRejects(refused([counted([1, 2], 2)]), RangeError, "No token of the documents");
  const huge = dense.model.parameters.get("output_norm.weight")!;
  dense.model.backend.grad.writeParameter(huge, new Float32Array(32).fill(3e38));
  await assertRejects(refused(DOCUMENTS), NotFiniteError, "not finite in document 0");
  await dense.model.close();
});
