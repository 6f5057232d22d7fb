/** What every peer is asked for and what it gives. Names no peer. */

/** Tokens of the prompt that is timed. */
export const PROMPT_TOKENS = 512;
/** Tokens that are generated while decoding is timed. */
export const GENERATED_TOKENS = 128;
/** Tokens of a fresh process's first prompt, whose first token is timed; it warms up too. */
export const FIRST_PROMPT_TOKENS = 64;
/** Tokens generated after the first prompt, only to warm up. */
export const WARM_UP_TOKENS = 128;
/** Sequences that decode at once, and the tokens that each generates. */
export const SEQUENCES = 8;
export const SEQUENCE_TOKENS = 64;
/** Tokens that the context has to hold; peers that set memory aside are given this much. */
export const CONTEXT_TOKENS = 1024;

/** One file with one count of threads. */
export interface Task {
  /** Path of a GGUF file. */
  readonly model: string;
  readonly threads: number;
  /** Only prefill and decode are wanted, not what Aha alone tells. */
  readonly isBrief?: boolean;
}

/** What one fresh process measured; null where the peer does not tell. */
export interface Figures {
  /** Tokens/s of `PROMPT_TOKENS` after the warm-up. */
  readonly prefill: number | null;
  /** Tokens/s of `GENERATED_TOKENS` after a prompt of one token. */
  readonly decode: number | null;
  readonly loadMs: number | null;
  /** From the first request after loading to its first token. */
  readonly firstTokenMs: number | null;
  /** Of the peer's largest process. */
  readonly peakBytes: number | null;
  /** Tokens/s of `SEQUENCES` that decode at once, all together. Aha's alone, as are the following. */
  readonly batchDecode?: number | null;
  /** Tokens/s of scoring `PROMPT_TOKENS`: a prefill with the head's logits of every token. */
  readonly scored?: number | null;
  /** Bytes of weights a second that decoding goes through. */
  readonly decodeBytes?: number | null;
  /** Bytes/s at which as many threads read a buffer as large as those weights. */
  readonly readRate?: number | null;
}

/** What can be compared. */
export type Quantity = keyof Required<Figures>;

/** A peer that is here and runs. */
export interface ReadyPeer {
  /** Version and build, as the peer tells them. */
  readonly version: string;
  /** Runs one fresh process. Throws where it fails. */
  measure(task: Task): Promise<Figures>;
}

/** An implementation to compare with. */
export interface Peer {
  readonly name: string;
  /** Takes part in no more repeats than this, because it is slow. */
  readonly maxRepeats?: number;
  /** Takes no part with the large generated model, because it is slow or not asked about. */
  readonly isSmallOnly?: boolean;
  /** Installs or finds it. Throws with the reason where it cannot be had. */
  prepare(): Promise<ReadyPeer>;
}

/** The ids of a prompt: the same for every peer, and ordinary tokens. */
export function promptIds(count: number): number[] {
  return Array.from({ length: count }, (_, i) => 1000 + (i * 31 + 7) % 20_000);
}
