/** The models whose training is timed: their sizes, and the operations that a token costs. Holds no weights. */

/** Sizes of multi-head latent attention and of the mixture in all layers but the first. */
export interface MixtureShape {
  readonly queryRank: number;
  readonly rank: number;
  readonly nopeSize: number;
  readonly rotarySize: number;
  readonly valueSize: number;
  readonly experts: number;
  readonly used: number;
  readonly expertHidden: number;
}

/** A model and the batch of a step. */
export interface TrainedShape {
  readonly name: string;
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
  readonly hidden: number;
  readonly vocabulary: number;
  /** DeepSeek-V3's attention and mixture; a llama without. */
  readonly mixture?: MixtureShape;
  readonly sequences: number;
  readonly tokens: number;
}

const BATCH = { vocabulary: 64, sequences: 64, tokens: 96 };

/** By name. */
export const TRAINED_SHAPES: readonly TrainedShape[] = [
  { name: "0.8M", width: 128, layers: 4, heads: 4, hidden: 352, ...BATCH },
  { name: "6.5M", width: 256, layers: 8, heads: 8, hidden: 704, ...BATCH },
  { name: "26M", width: 512, layers: 8, heads: 8, hidden: 1408, ...BATCH },
  {
    ...{ name: "mini-v3", width: 128, layers: 4, heads: 4, hidden: 352, ...BATCH },
    mixture: {
      ...{ queryRank: 48, rank: 32, nopeSize: 16, rotarySize: 16, valueSize: 32 },
      ...{ experts: 8, used: 2, expertHidden: 112 },
    },
  },
];

/** Weights that a token is multiplied with: all matrices but the table, of experts those that it uses. */
export function activeWeights(shape: TrainedShape): number {
  const { width, layers, hidden, vocabulary, mixture } = shape;
  const head = width * vocabulary;
  const dense = 3 * width * hidden;
  if (!mixture) return head + layers * (4 * width * width + dense);
  const { experts, used, expertHidden } = mixture;
  const routed = width * experts + 3 * width * expertHidden * (used + 1);
  return head + layers * latentWeights(shape, mixture) + dense + (layers - 1) * routed;
}

function latentWeights({ width, heads }: TrainedShape, sizes: MixtureShape): number {
  const { queryRank, rank, nopeSize, rotarySize, valueSize } = sizes;
  const queries = queryRank * (width + heads * (nopeSize + rotarySize));
  const latents = width * (rank + rotarySize) + rank * heads * (nopeSize + valueSize);
  return queries + latents + heads * valueSize * width;
}

/**
 * Useful floating-point operations of a token of a step: 6 a weight (2 forward, 4 backward), and for each layer's
 * attention, over half of the sequence on average, 6 times the sequence's length times the width of all heads.
 */
export function tokenOperations(shape: TrainedShape): number {
  return 6 * (activeWeights(shape) + shape.layers * shape.width * shape.tokens);
}
