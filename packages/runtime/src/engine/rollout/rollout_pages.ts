/** How many completions run at once, and the pages of keys and values that they need at most. Allocates none. */
import { type KvShape, PAGE_TOKENS, pageBytes } from "../../kv_cache.ts";
import type { RolloutRequest } from "./rollout_request.ts";

/** More rows at a time use the weights no better. */
const MOST_SEQUENCES = 256;
/** Bytes of keys and values that are taken unasked. */
const UNASKED_BYTES = 2 ** 30;

/** What of a request decides about its room. */
export type RolloutSizes = Pick<
  RolloutRequest,
  "prompts" | "group" | "maxTokens" | "mostSequences"
>;

/** What a request needs. */
export interface RolloutRoom {
  /** Completions at once. */
  readonly sequences: number;
  /** Pages that are held at most. */
  readonly pages: number;
}

/** Room for a request: as many completions at once as it says, or as few memory allows for. */
export function roomFor(request: RolloutSizes, shape: KvShape): RolloutRoom {
  const all = request.prompts.length * request.group;
  const most = Math.min(all, request.mostSequences ?? MOST_SEQUENCES);
  const roomOf = (sequences: number) => ({ sequences, pages: pagesOf(request, sequences) });
  let room = roomOf(most);
  if (request.mostSequences !== undefined) return room;
  while (room.sequences > 1 && room.pages * pageBytes(shape) > UNASKED_BYTES) {
    room = roomOf(room.sequences >> 1);
  }
  return room;
}

/**
 * Pages of `sequences` completions of the longest prompts, and of the prompts that they are of: of one each, and one more
 * whose group has still to go on.
 */
function pagesOf({ prompts, group, maxTokens }: RolloutSizes, sequences: number): number {
  const fed = prompts.map((ids) => ids.length - 1);
  const own = fed.map((tokens) => pages(tokens + maxTokens) - Math.floor(tokens / PAGE_TOKENS));
  const eachOwn = own.flatMap((count) => Array<number>(group).fill(count));
  return sumOfLargest(eachOwn, sequences) + sumOfLargest(fed.map(pages), sequences + 1);
}

function pages(tokens: number): number {
  return Math.ceil(tokens / PAGE_TOKENS);
}

function sumOfLargest(counts: readonly number[], most: number): number {
  return counts.toSorted((a, b) => b - a).slice(0, most).reduce((sum, count) => sum + count, 0);
}
