/** WGSL of `attend`: keys and values into their pages, then one online softmax a query row and head. Float pages only.
 * A layer's page is `[kvHeads][keys, values][32 tokens][headSize]`; `places` holds of each row its position and where its
 * list of pages begins, then those lists. */
import { PAGE_TOKENS } from "../../packages/runtime/src/kv_cache.ts";
import type { Attention } from "../../packages/runtime/src/ops.ts";
import { GROUP_AND_LANE, literal, storage, THREAD, unroll } from "./kernel_text.ts";

/** Threads of a workgroup: a key each, then some elements of the output each. */
const LANES = PAGE_TOKENS;
/** Stands for -infinity, of which WGSL promises nothing. */
const LOWEST = "f32(-1e30)";

/** Floats of a page of one layer. */
export function pageFloats(kvHeads: number, headSize: number): number {
  return kvHeads * 2 * PAGE_TOKENS * headSize;
}

/** Bindings k, v, places, pages; a thread writes one element (x) of a row (y). */
export function storeKernel({ kvHeads, headSize }: Attention): string {
  const cols = kvHeads * headSize;
  return `
${storage("k: array<f32>", "v: array<f32>", "places: array<u32>", "pages: array<f32>")}
@compute @workgroup_size(${LANES}) fn main(${THREAD}) {
  if (id.x >= ${cols}u) { return; }
  let position = places[2u * id.y];
  let page = places[places[2u * id.y + 1u] + position / ${PAGE_TOKENS}u];
  let block = page * ${kvHeads}u + id.x / ${headSize}u;
  let keys = (2u * block * ${PAGE_TOKENS}u + position % ${PAGE_TOKENS}u) * ${headSize}u;
  let to = keys + id.x % ${headSize}u;
  pages[to] = k[id.y * ${cols}u + id.x];
  pages[to + ${PAGE_TOKENS * headSize}u] = v[id.y * ${cols}u + id.x];
}`;
}

/** Bindings q, places, pages, out; a workgroup takes one head (x) of one row (y) through its blocks of 32 keys. */
export function attentionKernel({ heads, kvHeads, headSize, scale }: Attention): string {
  const owned = Math.ceil(headSize / LANES);
  const isWhole = headSize % LANES === 0;
  const each = (line: (i: number) => string) =>
    unroll(owned, (i) => {
      const element = `lane + ${LANES * i}u`;
      return isWhole ? line(i) : `if (${element} < ${headSize}u) {\n${line(i)}\n}`;
    });
  return `
${storage("q: array<f32>", "places: array<u32>", "pages: array<f32>", "out: array<f32>")}
var<workgroup> scores: array<f32, ${LANES}>;
var<workgroup> weights: array<f32, ${LANES}>;
@compute @workgroup_size(${LANES}) fn main(${GROUP_AND_LANE}) {
  let row = (group.y * ${heads}u + group.x) * ${headSize}u;
  let kv_head = group.x / ${heads / kvHeads}u;
  let position = places[2u * group.y];
  let list = places[2u * group.y + 1u];
  var top = ${LOWEST};
  var total = 0.0;
  ${unroll(owned, (i) => `var sum${i} = 0.0;`)}
  for (var block = 0u; block <= position / ${PAGE_TOKENS}u; block++) {
    let keys = (places[list + block] * ${kvHeads}u + kv_head) * ${2 * PAGE_TOKENS * headSize}u;
    let key = keys + lane * ${headSize}u;
    var dot = 0.0;
    ${unroll(headSize, (d) => `dot = fma(q[row + ${d}u], pages[key + ${d}u], dot);`)}
    let score = select(${LOWEST}, dot * ${
    literal(scale)
  }, block * ${PAGE_TOKENS}u + lane <= position);
    scores[lane] = score;
    workgroupBarrier();
    var best = top;
    ${unroll(LANES, (i) => `best = max(best, scores[${i}]);`)}
    weights[lane] = exp(score - best);
    workgroupBarrier();
    let keep = exp(top - best);
    top = best;
    total *= keep;
    ${unroll(LANES, (i) => `total += weights[${i}];`)}
    let values = keys + ${PAGE_TOKENS * headSize}u + lane;
    ${
    each((i) => `
    sum${i} *= keep;
    ${
      unroll(
        LANES,
        (j) =>
          `sum${i} = fma(weights[${j}], pages[values + ${j * headSize + LANES * i}u], sum${i});`,
      )
    }`)
  }
  }
  ${each((i) => `out[row + lane + ${LANES * i}u] = sum${i} / total;`)}
}`;
}
