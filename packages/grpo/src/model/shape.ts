/** Sizes of the models that are made from nothing, and those of the nano family by name. Makes none. */

/** Sizes that both architectures have. */
interface CommonShape {
  /** C. */
  readonly width: number;
  readonly layers: number;
  /** H. */
  readonly heads: number;
  /** F of the dense feed-forward parts. */
  readonly hidden: number;
  /** Longest sequence. Default 256. */
  readonly contextTokens?: number;
}

/** A dense transformer as Llama's: heads of C / H, untied head, no biases. */
export interface DenseShape extends CommonShape {
  readonly architecture: "llama";
}

/** Sizes of latent attention (DeepSeek-V2 2405.04434, section 2.1). */
export interface LatentShape {
  /** Rank of the compressed queries. */
  readonly queryRank: number;
  /** R, rank of the latents of keys and values. */
  readonly rank: number;
  /** N and P: parts of a head's key without and with a position. */
  readonly nopeSize: number;
  readonly rotarySize: number;
  /** Dv. */
  readonly valueSize: number;
}

/** Sizes of a mixture of experts with a sigmoid gate and a bias that balances (DeepSeek-V3 2412.19437, section 2.1.2). */
export interface ExpertShape {
  /** E, routed experts. */
  readonly experts: number;
  /** K of them a token. */
  readonly used: number;
  /** Experts that every token uses besides. */
  readonly shared: number;
  /** Hidden size of one expert. */
  readonly hidden: number;
  /** Layers before the first mixture. */
  readonly denseLayers: number;
}

/** DeepSeek-V3's architecture: latent attention, a mixture of experts, a layer for multi-token prediction. */
export interface MixtureShape extends CommonShape {
  readonly architecture: "deepseek2";
  readonly latent: LatentShape;
  readonly mixture: ExpertShape;
  /** Whether there is a layer that guesses the token after the next one (section 2.2); its feed-forward part is a mixture. */
  readonly multiToken: boolean;
}

/** What `newModel` makes a model of. */
export type ModelShape = DenseShape | MixtureShape;

const HEAD = { nopeSize: 16, rotarySize: 16, valueSize: 32 } as const;
const ROUTED = { experts: 8, used: 2, shared: 1, denseLayers: 1 } as const;

/** The nano family: dense models, and mixtures of about as many active parameters. */
export const SHAPES:
  & {
    readonly [name in "ci" | "nano" | "micro" | "student"]: DenseShape;
  }
  & { readonly [name in "ci_v3" | "nano_v3" | "micro_v3"]: MixtureShape } = {
    ci: { architecture: "llama", width: 64, layers: 2, heads: 2, hidden: 176 },
    nano: { architecture: "llama", width: 128, layers: 4, heads: 4, hidden: 352 },
    micro: { architecture: "llama", width: 256, layers: 6, heads: 8, hidden: 704 },
    /** The smallest that holds what a teacher shows it (2501.12948, section 2.4 at this size). */
    student: { architecture: "llama", width: 32, layers: 2, heads: 2, hidden: 88 },
    ci_v3: {
      architecture: "deepseek2",
      ...{ width: 64, layers: 2, heads: 2, hidden: 176 },
      latent: { queryRank: 24, rank: 16, ...HEAD },
      mixture: { ...ROUTED, hidden: 56 },
      multiToken: true,
    },
    nano_v3: {
      architecture: "deepseek2",
      ...{ width: 128, layers: 4, heads: 4, hidden: 352 },
      latent: { queryRank: 48, rank: 32, ...HEAD },
      mixture: { ...ROUTED, hidden: 112 },
      multiToken: true,
    },
    micro_v3: {
      architecture: "deepseek2",
      ...{ width: 256, layers: 6, heads: 8, hidden: 704 },
      latent: { queryRank: 96, rank: 64, ...HEAD },
      mixture: { ...ROUTED, hidden: 224 },
      multiToken: true,
    },
  };
