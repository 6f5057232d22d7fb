/** WGSL of `attend`: keys and values into their pages, then one online softmax a query row and head. Float pages only.
 * A layer's page is `[kvHeads][keys, values]`, either `[32 tokens][size]`; `places` holds of each row its position and where its
 * list of pages begins, then those lists. */
import { PAGE_TOKENS } from "../../packages/runtime/src/kv_cache.ts";
import type { Attention } from "../../packages/runtime/src/ops.ts";
import { GROUP_AND_LANE, literal, storage, THREAD, unroll } from "./kernel_text.ts";

/** Threads of a workgroup: a key each, then some elements of the output each. */
const LANES = PAGE_TOKENS;
/** Stands for -infinity, of which WGSL promises nothing. */
const LOWEST = "f32(-1e30)";

/** Floats of a page of one layer. */
export function pageFloats({ kvHeads, keySize, valueSize }: PageSizes): number {
  return kvHeads * PAGE_TOKENS * (keySize + valueSize);
}

type PageSizes = Pick<Attention, "kvHeads" | "keySize" | "valueSize">;

/** Bindings k, v, places, pages; a thread writes element x of all keys, and of all values, of row y. */
export function storeKernel({ kvHeads, keySize, valueSize }: Attention): string {
  const headFloats = PAGE_TOKENS * (keySize + valueSize);
  const write = (name: string, size: number, start: number) => `
  if (id.x < ${kvHeads * size}u) {
    let head = (page * ${kvHeads}u + id.x / ${size}u) * ${headFloats}u + ${start}u;
    pages[head + position % ${PAGE_TOKENS}u * ${size}u + id.x % ${size}u] =
      ${name}[id.y * ${kvHeads * size}u + id.x];
  }`;
  return `
${storage("k: array<f32>", "v: array<f32>", "places: array<u32>", "pages: array<f32>")}
@compute @workgroup_size(${LANES}) fn main(${THREAD}) {
  let position = places[2u * id.y];
  let page = places[places[2u * id.y + 1u] + position / ${PAGE_TOKENS}u];
  ${write("k", keySize, 0)}
  ${write("v", valueSize, PAGE_TOKENS * keySize)}
}`;
}

/** Bindings q, places, pages, out; a workgroup takes one head (x) of one row (y) through its blocks of 32 keys. */
export function attentionKernel(shape: Attention): string {
  const { heads, kvHeads, keySize, valueSize, scale } = shape;
  const owned = Math.ceil(valueSize / LANES);
  const isWhole = valueSize % LANES === 0;
  const each = (line: (i: number) => string) =>
    unroll(owned, (i) => {
      const element = `lane + ${LANES * i}u`;
      return isWhole ? line(i) : `if (${element} < ${valueSize}u) {\n${line(i)}\n}`;
    });
  return `
${storage("q: array<f32>", "places: array<u32>", "pages: array<f32>", "out: array<f32>")}
var<workgroup> scores: array<f32, ${LANES}>;
var<workgroup> weights: array<f32, ${LANES}>;
@compute @workgroup_size(${LANES}) fn main(${GROUP_AND_LANE}) {
  let head = group.y * ${heads}u + group.x;
  let row = head * ${keySize}u;
  let kv_head = group.x / ${heads / kvHeads}u;
  let position = places[2u * group.y];
  let list = places[2u * group.y + 1u];
  var top = ${LOWEST};
  var total = 0.0;
  ${unroll(owned, (i) => `var sum${i} = 0.0;`)}
  for (var block = 0u; block <= position / ${PAGE_TOKENS}u; block++) {
    let keys = (places[list + block] * ${kvHeads}u + kv_head) * ${
    PAGE_TOKENS * (keySize + valueSize)
  }u;
    let key = keys + lane * ${keySize}u;
    var dot = 0.0;
    ${unroll(keySize, (d) => `dot = fma(q[row + ${d}u], pages[key + ${d}u], dot);`)}
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
    let values = keys + ${PAGE_TOKENS * keySize}u + lane;
    ${
    each((i) => `
    sum${i} *= keep;
    ${
      unroll(
        LANES,
        (j) =>
          `sum${i} = fma(weights[${j}], pages[values + ${j * valueSize + LANES * i}u], sum${i});`,
      )
    }`)
  }
  }
  ${each((i) => `out[head * ${valueSize}u + lane + ${LANES * i}u] = sum${i} / total;`)}
}`;
}
