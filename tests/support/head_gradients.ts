/** The gradients of a model's last two parameters by plain loops, so that a loss can be checked without a tape. No other parameters. */
import { fixturePath } from "./fixture.ts";
import { readPlainModel } from "./float64/weights.ts";
import type { ScoredToken } from "./policy_fixture.ts";

/** Output head `[V, C]` and the gain of the norm before it `[C]`. */
export interface HeadParameters {
  readonly head: Float32Array;
  readonly gain: Float32Array;
}

/** Gradients of the same shapes. */
export interface HeadGradients {
  readonly head: Float64Array;
  readonly gain: Float64Array;
}

/** The parameters of a model with a head of its own. */
export async function headParameters(model: string): Promise<HeadParameters> {
  const { tensors } = await readPlainModel(fixturePath(`models/${model}/gguf/model-F32.gguf`));
  const values = (name: string) => tensors.get(name)?.values ?? new Float32Array();
  return { head: values("output.weight"), gain: values("output_norm.weight") };
}

/** From d loss / d logp of each token to the parameters: logp = log-softmax(head h / temperature), h = gain * normed. */
export function headGradients(
  { head, gain }: HeadParameters,
  tokens: readonly ScoredToken[],
  gradLogps: readonly ArrayLike<number>[],
  temperature: number,
): HeadGradients {
  const width = gain.length;
  const gradients = { head: new Float64Array(head.length), gain: new Float64Array(width) };
  for (const { row, position, id, probabilities, hidden } of tokens) {
    const scale = gradLogps[row][position] / temperature;
    if (scale === 0) continue;
    probabilities.forEach((probability, v) => {
      const byLogit = scale * (Number(v === id) - probability);
      for (let c = 0; c < width; c++) {
        gradients.head[v * width + c] += byLogit * hidden[c];
        gradients.gain[c] += byLogit * head[v * width + c] * hidden[c] / gain[c];
      }
    });
  }
  return gradients;
}

/** The sum of two batches' gradients. */
export function addGradients(a: HeadGradients, b: HeadGradients): HeadGradients {
  return {
    head: a.head.map((value, i) => value + b.head[i]),
    gain: a.gain.map((value, i) => value + b.gain[i]),
  };
}
