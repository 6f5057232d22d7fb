//! The kernel of attention: some queries of one KV head over their keys, up to four at a time in registers, so that a
//! page is read once for many. Each query's chain of operations is its own, whoever goes with it.

use super::{KvNumber, Rows, Shape, BLOCK, MAX_HEAD};
use crate::math::{exp, exp1};
use crate::simd::{F32x4, I32x4};
use core::mem::MaybeUninit;

/// Most queries that share a pass over a page: their sums stay in the cache beside it.
pub(super) const STRIP: usize = 16;
const VECTORS: usize = BLOCK / 4;

/// Some queries of one KV head. Query `i` is row `i / group`, head `i % group` of those that share the KV head.
pub(super) struct Strip {
    pub q: *const f32,
    pub out: *mut f32,
    pub kv_head: usize,
    pub rows: Rows,
    pub shape: Shape,
}

impl Strip {
    fn group(&self) -> usize {
        self.shape.heads / self.shape.kv_heads
    }

    fn row(&self, query: usize) -> usize {
        query / self.group()
    }

    /// Where a query's head stands among all heads of all rows.
    fn head(&self, query: usize) -> usize {
        self.row(query) * self.shape.heads + self.kv_head * self.group() + query % self.group()
    }

    /// At most `STRIP` queries, in runs that read the same pages.
    /// # Safety
    /// As `attend`.
    pub unsafe fn run<N: KvNumber>(&self, queries: core::ops::Range<usize>) {
        let table = |query| unsafe { *self.rows.tables.add(self.row(query)) };
        let mut first = queries.start;
        while first < queries.end {
            let mut end = first + 1;
            while end < queries.end && table(end) == table(first) {
                end += 1;
            }
            self.over_keys::<N>(first, end - first);
            first = end;
        }
    }

    /// Up to `STRIP` queries of one sequence over all their keys, block by block. A block in which a query has no key
    /// changes nothing of it: its weights are 0 and its decay is 1.
    unsafe fn over_keys<N: KvNumber>(&self, first: usize, count: usize) {
        let shape = &self.shape;
        let mut states = [State::EMPTY; STRIP];
        for (i, state) in states.iter_mut().enumerate().take(count) {
            state.q = self.q.add(self.head(first + i) * shape.key_size);
            state.keys = self.rows.position(self.row(first + i)) + 1;
        }
        let mut acc = MaybeUninit::<[f32; STRIP * MAX_HEAD]>::uninit();
        let acc = acc.as_mut_ptr().cast::<f32>();
        core::ptr::write_bytes(acc, 0, count * shape.value_size);
        let last = self.row(first + count - 1);
        let offset = shape.layer_offset + self.kv_head * shape.head_numbers() * N::BYTES;
        for block in 0..states[count - 1].keys.div_ceil(BLOCK) {
            let page = self.rows.page(last, block).add(offset);
            let mut at = 0;
            while at < count {
                let acc = acc.add(at * shape.value_size);
                let states = &mut states[at..count];
                at += match states.len() {
                    1 => block_step::<N, 1, 8>(states, acc, page, block, shape),
                    2 => block_step::<N, 2, 4>(states, acc, page, block, shape),
                    3 => block_step::<N, 3, 2>(states, acc, page, block, shape),
                    _ => block_step::<N, 4, 2>(states, acc, page, block, shape),
                };
            }
        }
        for (i, state) in states.iter().enumerate().take(count) {
            let norm = F32x4::splat(1.0 / state.total);
            let out = self.out.add(self.head(first + i) * shape.value_size);
            for j in (0..shape.value_size).step_by(4) {
                (F32x4::load(acc.add(i * shape.value_size + j)) * norm).store(out.add(j));
            }
        }
    }
}

/// One query's online softmax.
#[derive(Clone, Copy)]
struct State {
    q: *const f32,
    /// Keys up to its own position.
    keys: usize,
    top: f32,
    total: f32,
}

impl State {
    const EMPTY: State = State { q: core::ptr::null(), keys: 0, top: f32::NEG_INFINITY, total: 0.0 };
}

/// The first `Q` queries over one block of keys, with `Q W` sums in registers at a time; gives `Q`.
#[inline(never)]
unsafe fn block_step<N: KvNumber, const Q: usize, const W: usize>(states: &mut [State], acc: *mut f32, page: *const u8, block: usize, shape: &Shape) -> usize {
    let states = &mut *states.as_mut_ptr().cast::<[State; Q]>();
    let mut weights = [[0.0f32; BLOCK]; Q];
    block_scores::<N, Q, W>(&mut weights, states.map(|s| s.q), page, shape.key_size);
    let mut decays = [0.0f32; Q];
    let mut most = 0;
    for (i, state) in states.iter_mut().enumerate() {
        let valid = state.keys.saturating_sub(block * BLOCK).min(BLOCK);
        most = most.max(valid);
        decays[i] = soften(&mut weights[i], state, valid, shape.scale);
    }
    let values = page.add(shape.key_size * BLOCK * N::BYTES);
    add_values::<N, Q, W>(acc, &weights, values, most, decays, shape.value_size);
    Q
}

/// q . k for the 32 keys of a block, whatever the page holds beyond the valid ones.
#[inline(always)]
unsafe fn block_scores<N: KvNumber, const Q: usize, const W: usize>(scores: &mut [[f32; BLOCK]; Q], q: [*const f32; Q], keys: *const u8, key_size: usize) {
    for j in (0..BLOCK).step_by(4 * W) {
        let mut sums = [[F32x4::splat(0.0); W]; Q];
        for i in 0..key_size {
            let at = keys.add((i * BLOCK + j) * N::BYTES);
            let k: [F32x4; W] = core::array::from_fn(|c| N::load4(at.add(4 * c * N::BYTES)));
            for (q, sums) in q.iter().zip(sums.iter_mut()) {
                let x = F32x4::load_splat(q.add(i));
                for (sum, k) in sums.iter_mut().zip(k) {
                    *sum = sum.madd(x, k);
                }
            }
        }
        for (scores, sums) in scores.iter_mut().zip(sums) {
            for (c, sum) in sums.into_iter().enumerate() {
                sum.store(scores.as_mut_ptr().add(j + 4 * c));
            }
        }
    }
}

/// Turns a block's products into weights e^(scale x - top), 0 beyond the valid keys; gives what earlier sums shrink by.
#[inline(always)]
unsafe fn soften(weights: &mut [f32; BLOCK], state: &mut State, valid: usize, scale: f32) -> f32 {
    let mut scores: [F32x4; VECTORS] = core::array::from_fn(|j| F32x4::load(weights.as_ptr().add(4 * j)));
    for (j, score) in scores.iter_mut().enumerate() {
        let key = I32x4::from_array([0, 1, 2, 3]) + I32x4::splat(4 * j as i32);
        let scaled = *score * F32x4::splat(scale);
        *score = F32x4::select(I32x4::splat(valid as i32).gt(key), scaled, F32x4::splat(f32::NEG_INFINITY));
    }
    let top = scores.iter().fold(F32x4::splat(state.top), |m, s| m.max(*s)).max_lane();
    let decay = exp1(state.top - top);
    let mut sum = F32x4::splat(0.0);
    for (j, score) in scores.into_iter().enumerate() {
        let weight = exp(score - F32x4::splat(top));
        sum = sum + weight;
        weight.store(weights.as_mut_ptr().add(4 * j));
    }
    state.top = top;
    state.total = state.total * decay + sum.sum();
    decay
}

/// acc `[Q, Dv]` = acc * decay + sum of weight * value over the block's valid keys, ascending.
#[inline(always)]
unsafe fn add_values<N: KvNumber, const Q: usize, const W: usize>(
    acc: *mut f32,
    weights: &[[f32; BLOCK]; Q],
    values: *const u8,
    valid: usize,
    decays: [f32; Q],
    size: usize,
) {
    let mut i = 0;
    while i + 4 * W <= size {
        add_columns::<N, Q, W>(acc.add(i), weights, values.add(i * N::BYTES), valid, decays, size);
        i += 4 * W;
    }
    while i < size {
        add_columns::<N, Q, 1>(acc.add(i), weights, values.add(i * N::BYTES), valid, decays, size);
        i += 4;
    }
}

/// `4 W` columns of the sums, kept in registers over the block.
#[inline(always)]
unsafe fn add_columns<N: KvNumber, const Q: usize, const W: usize>(
    acc: *mut f32,
    weights: &[[f32; BLOCK]; Q],
    values: *const u8,
    valid: usize,
    decays: [f32; Q],
    size: usize,
) {
    let mut lanes: [[F32x4; W]; Q] =
        core::array::from_fn(|q| core::array::from_fn(|c| F32x4::load(acc.add(q * size + 4 * c)) * F32x4::splat(decays[q])));
    for j in 0..valid {
        let value: [F32x4; W] = core::array::from_fn(|c| N::load4(values.add((j * size + 4 * c) * N::BYTES)));
        for (lanes, weights) in lanes.iter_mut().zip(weights) {
            let w = F32x4::load_splat(weights.as_ptr().add(j));
            for (lane, value) in lanes.iter_mut().zip(value) {
                *lane = lane.madd(w, value);
            }
        }
    }
    for (q, lanes) in lanes.into_iter().enumerate() {
        for (c, lane) in lanes.into_iter().enumerate() {
            lane.store(acc.add(q * size + 4 * c));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_beyond_the_valid_ones_weigh_nothing() {
        for valid in [0usize, 1, 5, 31, 32] {
            let mut weights = [f32::NAN; BLOCK];
            for (t, w) in weights.iter_mut().enumerate().take(valid) {
                *w = t as f32 * 0.7 - 3.0;
            }
            let products = weights;
            let mut state = State { top: 1.5, total: 2.0, ..State::EMPTY };
            let decay = unsafe { soften(&mut weights, &mut state, valid, 0.5) };
            let top = (0..valid).map(|t| products[t] * 0.5).fold(1.5f32, f32::max);
            assert_eq!((state.top, decay), (top, exp1(1.5 - top)));
            let sum: f32 = (0..valid).map(|t| (products[t] * 0.5 - top).exp()).sum();
            assert!((state.total - (2.0 * decay + sum)).abs() < 1e-5);
            assert!(weights[valid..].iter().all(|w| *w == 0.0));
        }
    }
}
