/* tslint:disable */
/* eslint-disable */

/**
 * Bytes that `quantize_rows` writes for `rows` rows of `cols` columns.
 */
export function activation_bytes(rows: number, cols: number): number;

/**
 * One step of `n` numbers f32 in any arrangement, all four in the same one; `step` counts from 1.
 */
export function adamw(parameter: number, gradient: number, first: number, second: number, n: number, learning_rate: number, beta1: number, beta2: number, epsilon: number, weight_decay: number, step: number, gradient_scale: number): number;

/**
 * a, b, out f32 [n].
 */
export function add(a: number, b: number, out: number, n: number): number;

/**
 * Adds the rows of d f32 [rows, cols] to into f32 [cols].
 */
export function add_columns(d: number, into: number, rows: number, cols: number): number;

/**
 * For tests: the row from which `draw` draws, to out f32 `[V]`.
 */
export function adjusted(logits: number, vocab: number, adjustment: number, out: number): number;

/**
 * For tests: `adjusted` by the scalar twin, rounded once.
 */
export function adjusted_scalar(logits: number, vocab: number, adjustment: number, out: number): number;

/**
 * Address of `bytes` fresh bytes, or 0 if the memory may not grow that far.
 */
export function allocate(bytes: number): number;

/**
 * `positions` i32 [rows] and `tables` (addresses of lists of page addresses) [rows] describe the rows; `page_type` is the ggml
 * type of pages: 0 for F32, 1 for F16, 8 for Q8_0.
 */
export function attend(q: number, k: number, v: number, out: number, positions: number, tables: number, rows: number, heads: number, kv_heads: number, key_size: number, value_size: number, scale: number, layer_offset: number, page_type: number): number;

/**
 * d f32 [rows, heads, value_size], q f32 [rows, heads, key_size], k and v f32 [rows, kv_heads, key_size or value_size] -> d_q,
 * d_k and d_v of their shapes. `runs` u32 [run_count, 2] holds the first row and the rows of each sequence, `statistics` f32
 * [rows, heads, attention_statistics()] is room. Rows in no run are left as they are.
 */
export function attend_gradient(d: number, q: number, k: number, v: number, d_q: number, d_k: number, d_v: number, statistics: number, runs: number, run_count: number, rows: number, heads: number, kv_heads: number, key_size: number, value_size: number, scale: number): number;

/**
 * For tests: `attend` of one whole sequence from position 0 on by the scalar twin; no pages, nothing rounded to f16.
 */
export function attend_scalar(q: number, k: number, v: number, out: number, rows: number, heads: number, kv_heads: number, key_size: number, value_size: number, scale: number): number;

/**
 * Numbers of room that the backward pass of attention takes for each row and head.
 */
export function attention_statistics(): number;

/**
 * log-softmax of one row of logits `[V]` at `id`, then at the `count` most probable tokens (the lower id first among equals):
 * to out f32 `[1 + count]`, and these tokens to ids i32 `[count]`. Writes nothing for an id or a count outside of the row.
 */
export function best_logprobs(logits: number, vocab: number, id: number, count: number, ids: number, out: number): number;

/**
 * What this engine's dot product takes as its second operand: 0 for 7 bits, 1 for unsigned bytes, 2 for signed ones. An
 * engine may compile twice, so ask until it has.
 */
export function byte_dot_probe(): number;

/**
 * Copies bytes from one place to another; they may overlap.
 */
export function copy_bytes(from: number, to: number, bytes: number): void;

/**
 * For tests: `out` f32 [rows, cols] from the file's own bytes at `src`, by the scalar twin.
 */
export function dequantize_scalar(dtype: number, src: number, out: number, rows: number, cols: number): number;

/**
 * Whether the build's dot product is exact at the corners of its range: relaxed SIMD is wrong in some engines.
 */
export function dot_probe(): boolean;

/**
 * Draws from one row of logits `[V]`, adjusted as the record at `adjustment` says (0: not at all): the token's id, -1 when a
 * logit is NaN, the largest is not finite or there is no row, -2 when the record excludes every token, -3 when it names one
 * outside of the vocabulary or has a mask of another.
 */
export function draw(logits: number, vocab: number, adjustment: number, temperature: number, top_k: number, top_p: number, min_p: number, seed_low: number, seed_high: number, choice: number, position: number): number;

/**
 * For tests: how far `draw_scalar` was from another id, as a share of the mass; 0 where nothing is drawn.
 */
export function draw_margin(logits: number, vocab: number, adjustment: number, temperature: number, top_k: number, top_p: number, min_p: number, seed_low: number, seed_high: number, choice: number, position: number): number;

/**
 * Draws from each row of logits f32 [rows, vocab], adjusted as the record at `adjustment` says: ids i32 [rows], -1 and -2 as
 * of `draw`, and log-softmax(logits / temperature) at these, f32 [rows]; with temperature 1 where it is 0. `draws` u32
 * [rows, 5]: seed low, seed high, choice, position, and an id that is taken without drawing (-1: none). Writes nothing if an
 * id or the record does not fit the vocabulary.
 */
export function draw_rows(logits: number, rows: number, vocab: number, draws: number, adjustment: number, temperature: number, top_k: number, top_p: number, min_p: number, ids: number, logprobs: number): number;

/**
 * For tests: `draw` by the scalar twin.
 */
export function draw_scalar(logits: number, vocab: number, adjustment: number, temperature: number, top_k: number, top_p: number, min_p: number, seed_low: number, seed_high: number, choice: number, position: number): number;

/**
 * For tests: a helper that is ended while it works: it claims one chunk and does nothing for it.
 */
export function drop_chunk(): void;

/**
 * x, out f32 [rows, cols]; keys i32 [rows] number the rows.
 */
export function dropout(x: number, out: number, keys: number, rows: number, cols: number, rate: number, seed_low: number, seed_high: number, stream: number): number;

/**
 * `out` f32 [count, cols]: the rows `ids` i32 [count] of the packed table [rows, cols].
 */
export function embed(dtype: number, ids: number, packed: number, out: number, count: number, cols: number, rows: number): number;

/**
 * Adds the rows of d f32 [count, cols] to the rows `ids` i32 [count] of into f32 [rows, cols], packed.
 */
export function embed_gradient(d: number, ids: number, into: number, count: number, cols: number, rows: number): number;

/**
 * logits f32 [rows, vocab] -> entropies f32 [rows] of softmax(logits / temperature).
 */
export function entropies(logits: number, out: number, rows: number, vocab: number, temperature: number): number;

/**
 * For tests: e^x of x f32 [n] to out f32 [n] by the vectors that the kernels use.
 */
export function exp_lanes(x: number, out: number, n: number): number;

/**
 * For tests: `exp_lanes` by the scalar twin.
 */
export function exp_scalar(x: number, out: number, n: number): number;

/**
 * `banks` u32 [3, 2] holds type and address of gate, up (each expert's [hidden, width]) and down (each expert's
 * [width, hidden]), every expert beginning with a tile; `adapters` u32 [3, 4] those of their A, B, rank (0: none) and the bits
 * of the scale, f32 packed alike, or is 0; x f32 [rows, width] or 0 where gate and up are quantized and have no adapters, act what
 * `quantize_rows` made of it or 0 where both are float; ids i32 and weights f32 [rows, used] -> out f32 [rows, width].
 */
export function experts(banks: number, x: number, act: number, ids: number, weights: number, room: number, out: number, rows: number, used: number, experts: number, width: number, hidden: number, adapters: number): number;

/**
 * `banks` and `adapters` as for `experts`; d and x f32 [rows, width], ids i32 and weights f32 [rows, used] -> d_x f32 [rows, width] and
 * d_weights f32 [rows, used]; adds to the gradients of gate, up and down at `into` u32 [3] (0: not wanted) and of A and B of their
 * adapters at `adapters_into` u32 [3, 2], f32 packed as the banks.
 */
export function experts_gradient(banks: number, d: number, x: number, ids: number, weights: number, d_x: number, d_weights: number, into: number, room: number, rows: number, used: number, experts: number, width: number, hidden: number, adapters: number, adapters_into: number): number;

/**
 * Bytes of room that `experts_gradient` needs.
 */
export function experts_gradient_room(rows: number, width: number, hidden: number, adapters: number): number;

/**
 * Bytes of room that `experts` needs; 0 if the bank does not fit the sizes.
 */
export function experts_room(banks: number, rows: number, used: number, width: number, hidden: number, adapters: number): number;

/**
 * For tests: `experts` by the scalar twin; `banks` u32 [3, 2] holds type and address of the file's own bytes.
 */
export function experts_scalar(banks: number, x: number, ids: number, weights: number, out: number, rows: number, used: number, experts: number, width: number, hidden: number): number;

/**
 * Address of the text that says why a helper died: UTF-8, `failure_text_bytes` of them, those after its end 0.
 */
export function failure_text(): number;

export function failure_text_bytes(): number;

/**
 * One relaxed multiply-add whose last bit tells whether it is fused: part of the numerics id.
 */
export function fma_probe(): boolean;

/**
 * For tests and benches: a job of `chunks` chunks that do nothing.
 */
export function fork_join(chunks: number): void;

/**
 * out f32 [rows, heads, outputs] = head by head x f32 [rows, heads, cols] (quantized types read `act` instead, what
 * `quantize_rows` wrote for rows of heads * cols) times the transpose of the head's weights [outputs, cols] in `packed`,
 * where each head begins a tile, + `bias` f32 [heads, outputs] (0: none).
 */
export function head_linear(dtype: number, x: number, act: number, packed: number, bias: number, out: number, rows: number, heads: number, cols: number, outputs: number): number;

/**
 * Bytes of stack that a helper has to be given.
 */
export function helper_stack_bytes(): number;

/**
 * Parts, listed as for `split_heads`, -> out f32 [rows, heads, sum of sizes]; a part of one head is repeated for all.
 */
export function join_heads(list: number, count: number, out: number, rows: number, heads: number): number;

/**
 * `attend` of one KV head whose keys are latents and rotary parts, and whose values are the latents: q f32 [rows, heads,
 * rank + rotary_size], latent f32 [rows, rank + rotary_size] -> out f32 [rows, heads, rank].
 */
export function latent_attend(q: number, latent: number, out: number, positions: number, tables: number, rows: number, heads: number, rank: number, rotary_size: number, scale: number, layer_offset: number, page_type: number): number;

/**
 * d f32 [rows, heads, rank], q f32 [rows, heads, rank + rotary_size], latent f32 [rows, rank + rotary_size] -> d_q and d_latent
 * of their shapes; runs and statistics as for `attend_gradient`.
 */
export function latent_attend_gradient(d: number, q: number, latent: number, d_q: number, d_latent: number, statistics: number, runs: number, run_count: number, rows: number, heads: number, rank: number, rotary_size: number, scale: number): number;

/**
 * For tests: `latent_attend` of one whole sequence from position 0 on by the scalar twin, as `attend_scalar`.
 */
export function latent_attend_scalar(q: number, latent: number, out: number, rows: number, heads: number, rank: number, rotary_size: number, scale: number): number;

/**
 * Whether the engine's thread may sleep while it waits for helpers: a browser's main thread may not.
 */
export function let_caller_sleep(may: boolean): void;

/**
 * For each of `count` products at `list`, five u32 each, `dtype, packed, bias, out, outputs`: `out` f32 [rows, outputs] =
 * x * transpose of `packed` [outputs, cols] + `bias` f32 [outputs] (0: none). Quantized types read `act` (what
 * `quantize_rows` wrote) and may give `x` as 0; float types read `x` f32 [rows, cols], `act` may be 0.
 */
export function linear(list: number, count: number, x: number, act: number, rows: number, cols: number): number;

/**
 * out f32 [rows, heads, cols] = head by head d f32 [rows, heads, outputs] times the head's weights [outputs, cols] in
 * `packed`, where each head begins a tile; added to `out` where `adds`.
 */
export function linear_input_gradient(dtype: number, packed: number, d: number, out: number, rows: number, heads: number, cols: number, outputs: number, adds: boolean): number;

/**
 * For tests: `linear` by the scalar twin, from f32 `x` [rows, cols] and the file's own bytes at `src`.
 */
export function linear_scalar(dtype: number, x: number, src: number, bias: number, out: number, rows: number, cols: number, outputs: number): number;

/**
 * into f32 [heads, outputs, cols], packed as weights whose heads each begin a tile, += head by head the transpose of d f32
 * [rows, heads, outputs] times x f32 [rows, heads, cols].
 */
export function linear_weight_gradient(d: number, x: number, into: number, rows: number, heads: number, cols: number, outputs: number): number;

/**
 * Logits f32 [rows, vocab] become the gradient by them; d f32 [rows], targets i32 [rows].
 */
export function logprob_gradient(d: number, logits: number, targets: number, rows: number, vocab: number, temperature: number): number;

/**
 * Packs `tiles` tiles of 8 rows (the last has `rows_in_last`, 1..=8, in the file) from the file's bytes at `src` to `dst`.
 */
export function pack_rows(dtype: number, src: number, dst: number, tiles: number, cols: number, rows_in_last: number): number;

/**
 * Bytes of `rows` packed rows of `cols` columns; 0 if the type is unknown or does not have such rows.
 */
export function packed_bytes(dtype: number, rows: number, cols: number): number;

/**
 * Two random words for a key and counter; the host's own uses of Philox go through here.
 */
export function philox_uniform(seed_low: number, seed_high: number, a: number, b: number, c: number, d: number): number;

/**
 * A helper has died; why stands at `failure_text`. From now on every op that shares work calls the import `helper_lost`.
 */
export function poison_helpers(): void;

/**
 * `count` f32 values (whole blocks) at `values` to the file's format at `out`: the 32-column formats as gguf-py, Q4_K and
 * Q6_K by `quant::fit`. `NON_FINITE` if a value is not finite or too large; the bytes must then not be used.
 */
export function quantize(dtype: number, values: number, out: number, count: number): number;

/**
 * Quantizes `x` f32 [rows, cols] to `act`, `activation_bytes(rows, cols)` bytes: each row apart from the others.
 */
export function quantize_rows(x: number, act: number, rows: number, cols: number): number;

/**
 * Gives back what `allocate` gave; `bytes` must be the same.
 */
export function release(address: number, bytes: number): void;

/**
 * x f32 [rows, cols], gain f32 [cols] -> out f32 [rows, cols].
 */
export function rms_norm(x: number, gain: number, out: number, rows: number, cols: number, epsilon: number): number;

/**
 * d, x f32 [rows, cols]; adds to into f32 [cols].
 */
export function rms_norm_gain_gradient(d: number, x: number, into: number, rows: number, cols: number, epsilon: number): number;

/**
 * d, x f32 [rows, cols], gain f32 [cols] -> out f32 [rows, cols].
 */
export function rms_norm_gradient(d: number, x: number, gain: number, out: number, rows: number, cols: number, epsilon: number): number;

/**
 * For tests: `rms_norm` by the scalar twin.
 */
export function rms_norm_scalar(x: number, gain: number, out: number, rows: number, cols: number, epsilon: number): number;

/**
 * x, out f32 [rows, heads, head_size], table f32 [rows, half, 2]; elements `start..start + 2 half` of a head turn,
 * `interleaved` chooses the pairing.
 */
export function rope(x: number, table: number, out: number, rows: number, heads: number, head_size: number, half: number, interleaved: boolean, start: number): number;

/**
 * Arguments as those of `rope`, with d for x.
 */
export function rope_gradient(d: number, table: number, out: number, rows: number, heads: number, head_size: number, half: number, interleaved: boolean, start: number): number;

/**
 * For tests: `rope_table` and `rope` in one by the scalar twin; `factors` may be 0.
 */
export function rope_scalar(x: number, positions: number, factors: number, out: number, rows: number, heads: number, head_size: number, half: number, base: number, interleaved: boolean, start: number, magnitude: number): number;

/**
 * positions i32 [rows], factors f32 [half] (0: none) -> table f32 [rows, half, 2], times `magnitude`.
 */
export function rope_table(positions: number, factors: number, table: number, rows: number, half: number, base: number, magnitude: number): number;

/**
 * logits f32 [rows, experts], bias f32 [experts] (0: none), forced i32 [rows, used] (0: none) -> ids i32 and weights f32
 * [rows, used]. `sigmoid` scores, else softmax; `two_best` ranks groups by their two best scores, else by the best. A row of
 * which a logit, or a number of the bias, is not finite gets the first experts and NaN weights.
 */
export function route(logits: number, bias: number, forced: number, ids: number, weights: number, rows: number, experts: number, used: number, sigmoid: boolean, groups: number, groups_used: number, two_best: boolean, normalize: boolean, scale: number): number;

/**
 * logits f32 [rows, experts] and ids i32 [rows, used] of `route`; d f32 [rows, used] by the weights, d_scores f32 [rows,
 * experts] by the scores (0: none) -> out f32 [rows, experts], the gradient by the logits.
 */
export function route_gradient(logits: number, ids: number, d: number, d_scores: number, out: number, rows: number, experts: number, used: number, sigmoid: boolean, normalize: boolean, scale: number): number;

/**
 * For tests: `route` by the scalar twin.
 */
export function route_scalar(logits: number, bias: number, forced: number, ids: number, weights: number, rows: number, experts: number, used: number, sigmoid: boolean, groups: number, groups_used: number, two_best: boolean, normalize: boolean, scale: number): number;

/**
 * logits f32 [rows, experts] -> scores f32 [rows, experts].
 */
export function route_scores(logits: number, out: number, rows: number, experts: number, sigmoid: boolean): number;

/**
 * Runs a helper thread until `stop_helpers`; a Worker calls it and does not come back before.
 */
export function run_helper(): void;

/**
 * x, out f32 [n].
 */
export function scale(x: number, factor: number, out: number, n: number): number;

/**
 * out f32 [rows, cols]: zeros, and the rows of d f32 [n, cols] added to rows `indices` i32 [n].
 */
export function scatter_rows(d: number, indices: number, out: number, n: number, rows: number, cols: number): number;

/**
 * x f32 [rows, cols], indices i32 [n] -> out f32 [n, cols].
 */
export function select_rows(x: number, rows: number, indices: number, out: number, n: number, cols: number): number;

/**
 * For tests: naps of 50 ms until a helper that holds a chunk is given up.
 */
export function set_patience(naps: number): void;

/**
 * For tests: helpers that sleep until there is work.
 */
export function sleeper_count(): number;

/**
 * x f32 [rows, heads, sum of sizes] -> the `count` parts f32 [rows, heads, size] that are listed at `list`, three u32 each:
 * `address, size, heads`.
 */
export function split_heads(x: number, list: number, count: number, rows: number, heads: number): number;

/**
 * The sum of squares of x f32 [n]; NaN for an address that is 0.
 */
export function squared_norm(x: number, n: number): number;

/**
 * Ends all helpers.
 */
export function stop_helpers(): void;

/**
 * d f32 [rows, heads, size] -> out f32 [rows, size].
 */
export function sum_heads(d: number, out: number, rows: number, heads: number, size: number): number;

/**
 * gate, up, out f32 [n].
 */
export function swiglu(gate: number, up: number, out: number, n: number): number;

/**
 * d, gate, up, d_gate, d_up f32 [n].
 */
export function swiglu_gradient(d: number, gate: number, up: number, d_gate: number, d_up: number, n: number): number;

/**
 * For tests: `swiglu` by the scalar twin.
 */
export function swiglu_scalar(gate: number, up: number, out: number, n: number): number;

/**
 * The engine's thread and the helpers that have arrived.
 */
export function thread_count(): number;

/**
 * For tests: log-softmax(logits / temperature) at `id` by the scalar twin; NaN for an id outside of the row.
 */
export function token_logprob_scalar(logits: number, vocab: number, id: number, temperature: number): number;

/**
 * logits f32 [rows, vocab], targets i32 [rows] -> out f32 [rows]; writes nothing if a target lies outside the vocabulary.
 */
export function token_logprobs(logits: number, targets: number, out: number, rows: number, vocab: number, temperature: number): number;

/**
 * Lets kernels use what `byte_dot_probe` said; call it before weights are packed.
 */
export function use_byte_dot(kind: number): number;

export type InitInput = RequestInfo | URL | Response | BufferSource | WebAssembly.Module;

export interface InitOutput {
    readonly activation_bytes: (a: number, b: number) => number;
    readonly adamw: (a: number, b: number, c: number, d: number, e: number, f: number, g: number, h: number, i: number, j: number, k: number, l: number) => number;
    readonly add: (a: number, b: number, c: number, d: number) => number;
    readonly add_columns: (a: number, b: number, c: number, d: number) => number;
    readonly adjusted: (a: number, b: number, c: number, d: number) => number;
    readonly adjusted_scalar: (a: number, b: number, c: number, d: number) => number;
    readonly allocate: (a: number) => number;
    readonly attend: (a: number, b: number, c: number, d: number, e: number, f: number, g: number, h: number, i: number, j: number, k: number, l: number, m: number, n: number) => number;
    readonly attend_gradient: (a: number, b: number, c: number, d: number, e: number, f: number, g: number, h: number, i: number, j: number, k: number, l: number, m: number, n: number, o: number, p: number) => number;
    readonly attend_scalar: (a: number, b: number, c: number, d: number, e: number, f: number, g: number, h: number, i: number, j: number) => number;
    readonly attention_statistics: () => number;
    readonly best_logprobs: (a: number, b: number, c: number, d: number, e: number, f: number) => number;
    readonly byte_dot_probe: () => number;
    readonly copy_bytes: (a: number, b: number, c: number) => void;
    readonly dequantize_scalar: (a: number, b: number, c: number, d: number, e: number) => number;
    readonly dot_probe: () => number;
    readonly draw: (a: number, b: number, c: number, d: number, e: number, f: number, g: number, h: number, i: number, j: number, k: number) => number;
    readonly draw_margin: (a: number, b: number, c: number, d: number, e: number, f: number, g: number, h: number, i: number, j: number, k: number) => number;
    readonly draw_rows: (a: number, b: number, c: number, d: number, e: number, f: number, g: number, h: number, i: number, j: number, k: number) => number;
    readonly draw_scalar: (a: number, b: number, c: number, d: number, e: number, f: number, g: number, h: number, i: number, j: number, k: number) => number;
    readonly drop_chunk: () => void;
    readonly dropout: (a: number, b: number, c: number, d: number, e: number, f: number, g: number, h: number, i: number) => number;
    readonly embed: (a: number, b: number, c: number, d: number, e: number, f: number, g: number) => number;
    readonly embed_gradient: (a: number, b: number, c: number, d: number, e: number, f: number) => number;
    readonly entropies: (a: number, b: number, c: number, d: number, e: number) => number;
    readonly exp_lanes: (a: number, b: number, c: number) => number;
    readonly exp_scalar: (a: number, b: number, c: number) => number;
    readonly experts: (a: number, b: number, c: number, d: number, e: number, f: number, g: number, h: number, i: number, j: number, k: number, l: number, m: number) => number;
    readonly experts_gradient: (a: number, b: number, c: number, d: number, e: number, f: number, g: number, h: number, i: number, j: number, k: number, l: number, m: number, n: number, o: number, p: number) => number;
    readonly experts_gradient_room: (a: number, b: number, c: number, d: number) => number;
    readonly experts_room: (a: number, b: number, c: number, d: number, e: number, f: number) => number;
    readonly experts_scalar: (a: number, b: number, c: number, d: number, e: number, f: number, g: number, h: number, i: number, j: number) => number;
    readonly failure_text: () => number;
    readonly failure_text_bytes: () => number;
    readonly fma_probe: () => number;
    readonly fork_join: (a: number) => void;
    readonly head_linear: (a: number, b: number, c: number, d: number, e: number, f: number, g: number, h: number, i: number, j: number) => number;
    readonly helper_stack_bytes: () => number;
    readonly join_heads: (a: number, b: number, c: number, d: number, e: number) => number;
    readonly latent_attend: (a: number, b: number, c: number, d: number, e: number, f: number, g: number, h: number, i: number, j: number, k: number, l: number) => number;
    readonly latent_attend_gradient: (a: number, b: number, c: number, d: number, e: number, f: number, g: number, h: number, i: number, j: number, k: number, l: number, m: number) => number;
    readonly latent_attend_scalar: (a: number, b: number, c: number, d: number, e: number, f: number, g: number, h: number) => number;
    readonly let_caller_sleep: (a: number) => void;
    readonly linear: (a: number, b: number, c: number, d: number, e: number, f: number) => number;
    readonly linear_input_gradient: (a: number, b: number, c: number, d: number, e: number, f: number, g: number, h: number, i: number) => number;
    readonly linear_scalar: (a: number, b: number, c: number, d: number, e: number, f: number, g: number, h: number) => number;
    readonly linear_weight_gradient: (a: number, b: number, c: number, d: number, e: number, f: number, g: number) => number;
    readonly logprob_gradient: (a: number, b: number, c: number, d: number, e: number, f: number) => number;
    readonly pack_rows: (a: number, b: number, c: number, d: number, e: number, f: number) => number;
    readonly packed_bytes: (a: number, b: number, c: number) => number;
    readonly philox_uniform: (a: number, b: number, c: number, d: number, e: number, f: number) => number;
    readonly poison_helpers: () => void;
    readonly quantize: (a: number, b: number, c: number, d: number) => number;
    readonly quantize_rows: (a: number, b: number, c: number, d: number) => number;
    readonly release: (a: number, b: number) => void;
    readonly rms_norm: (a: number, b: number, c: number, d: number, e: number, f: number) => number;
    readonly rms_norm_gain_gradient: (a: number, b: number, c: number, d: number, e: number, f: number) => number;
    readonly rms_norm_gradient: (a: number, b: number, c: number, d: number, e: number, f: number, g: number) => number;
    readonly rms_norm_scalar: (a: number, b: number, c: number, d: number, e: number, f: number) => number;
    readonly rope: (a: number, b: number, c: number, d: number, e: number, f: number, g: number, h: number, i: number) => number;
    readonly rope_gradient: (a: number, b: number, c: number, d: number, e: number, f: number, g: number, h: number, i: number) => number;
    readonly rope_scalar: (a: number, b: number, c: number, d: number, e: number, f: number, g: number, h: number, i: number, j: number, k: number, l: number) => number;
    readonly rope_table: (a: number, b: number, c: number, d: number, e: number, f: number, g: number) => number;
    readonly route: (a: number, b: number, c: number, d: number, e: number, f: number, g: number, h: number, i: number, j: number, k: number, l: number, m: number, n: number) => number;
    readonly route_gradient: (a: number, b: number, c: number, d: number, e: number, f: number, g: number, h: number, i: number, j: number, k: number) => number;
    readonly route_scalar: (a: number, b: number, c: number, d: number, e: number, f: number, g: number, h: number, i: number, j: number, k: number, l: number, m: number, n: number) => number;
    readonly route_scores: (a: number, b: number, c: number, d: number, e: number) => number;
    readonly run_helper: () => void;
    readonly scale: (a: number, b: number, c: number, d: number) => number;
    readonly scatter_rows: (a: number, b: number, c: number, d: number, e: number, f: number) => number;
    readonly select_rows: (a: number, b: number, c: number, d: number, e: number, f: number) => number;
    readonly set_patience: (a: number) => void;
    readonly sleeper_count: () => number;
    readonly split_heads: (a: number, b: number, c: number, d: number, e: number) => number;
    readonly squared_norm: (a: number, b: number) => number;
    readonly stop_helpers: () => void;
    readonly sum_heads: (a: number, b: number, c: number, d: number, e: number) => number;
    readonly swiglu: (a: number, b: number, c: number, d: number) => number;
    readonly swiglu_gradient: (a: number, b: number, c: number, d: number, e: number, f: number) => number;
    readonly swiglu_scalar: (a: number, b: number, c: number, d: number) => number;
    readonly thread_count: () => number;
    readonly token_logprob_scalar: (a: number, b: number, c: number, d: number) => number;
    readonly token_logprobs: (a: number, b: number, c: number, d: number, e: number, f: number) => number;
    readonly use_byte_dot: (a: number) => number;
    readonly __wbindgen_externrefs: WebAssembly.Table;
    readonly __wbindgen_thread_destroy: (a?: number, b?: number, c?: number) => void;
    readonly __wbindgen_start: (a: number) => void;
}

export type SyncInitInput = BufferSource | WebAssembly.Module;

/**
 * Instantiates the given `module`, which can either be bytes or
 * a precompiled `WebAssembly.Module`.
 *
 * @param {{ module: SyncInitInput, memory?: WebAssembly.Memory, thread_stack_size?: number }} module - Passing `SyncInitInput` directly is deprecated.
 * @param {WebAssembly.Memory} memory - Deprecated.
 *
 * @returns {InitOutput}
 */
export function initSync(module: { module: SyncInitInput, memory?: WebAssembly.Memory, thread_stack_size?: number } | SyncInitInput, memory?: WebAssembly.Memory): InitOutput;

/**
 * If `module_or_path` is {RequestInfo} or {URL}, makes a request and
 * for everything else, calls `WebAssembly.instantiate` directly.
 *
 * @param {{ module_or_path: InitInput | Promise<InitInput>, memory?: WebAssembly.Memory, thread_stack_size?: number }} module_or_path - Passing `InitInput` directly is deprecated.
 * @param {WebAssembly.Memory} memory - Deprecated.
 *
 * @returns {Promise<InitOutput>}
 */
export default function __wbg_init (module_or_path?: { module_or_path: InitInput | Promise<InitInput>, memory?: WebAssembly.Memory, thread_stack_size?: number } | InitInput | Promise<InitInput>, memory?: WebAssembly.Memory): Promise<InitOutput>;
