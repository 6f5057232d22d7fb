/** The divisors of RoPE's frequencies that Llama 3's long-context scaling needs, as GGUF files store them. Reads no file. */
import type { CheckpointConfig } from "./checkpoint/model_config.ts";

/**
 * `rope_freqs.weight`, headSize / 2 values, or `undefined` for models without such scaling. Wavelengths up to
 * originalContextTokens / highFrequencyFactor stay, those beyond / lowFrequencyFactor are stretched by `factor`, and
 * between them it goes smoothly (Llama 3.1's reference code). Each step is rounded to float32, as the published files are.
 */
export function ropeFactors(
  { ropeScaling, ropeBase, headSize }: CheckpointConfig,
): Float32Array | undefined {
  if (ropeScaling.type !== "llama3") return undefined;
  const { factor, lowFrequencyFactor: low, highFrequencyFactor: high } = ropeScaling;
  const context = ropeScaling.originalContextTokens;
  const f32 = Math.fround;
  return Float32Array.from({ length: headSize / 2 }, (_, pair) => {
    const frequency = f32(1 / f32(f32(ropeBase) ** f32(2 * pair / headSize)));
    const wavelength = f32(f32(2 * Math.PI) / frequency);
    if (wavelength < context / high) return 1;
    if (wavelength > context / low) return factor;
    const smooth = f32(f32(f32(context / wavelength) - low) / (high - low));
    return 1 / f32(f32(f32(1 - smooth) / factor) + smooth);
  });
}
