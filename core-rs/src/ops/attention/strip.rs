//! The kernel of attention: some queries of one KV head over their keys, four at a time in registers, so that a page is
//! read, and made f32, once for many. Each query's chain of operations is its own, whoever goes with it.

use super::pages::{Room, SLICE};
use super::{Pages, Rows, Shape, BLOCK};
use crate::math::{exp_with, ExpConstants};
use crate::simd::{F32x4, I32x4};
use core::mem::MaybeUninit;

/// Most queries that share a pass over a page: their numbers stay in the cache beside it.
const STRIP: usize = 48;
/// Most numbers of a strip's queries, and of its sums.
const NUMBERS: usize = 4096;
const VECTORS: usize = BLOCK / 4;
/// Queries that go together through registers.
const TILE: usize = 4;

/// Most queries of a strip whose heads have `size` numbers: whole tiles, since queries lie in such.
pub(super) fn most_queries(size: usize) -> usize {
    (NUMBERS / size / TILE * TILE).clamp(TILE, STRIP)
}

const _: () = assert!(super::MAX_HEAD * TILE <= NUMBERS);

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
    pub unsafe fn run<P: Pages>(&self, queries: core::ops::Range<usize>) {
        let table = |query| unsafe { *self.rows.tables.add(self.row(query)) };
        let mut first = queries.start;
        while first < queries.end {
            let mut end = first + 1;
            while end < queries.end && table(end) == table(first) {
                end += 1;
            }
            self.over_keys::<P>(first, end - first);
            first = end;
        }
    }

    /// Up to `STRIP` queries of one sequence over all their keys, block by block. A block in which a query has no key
    /// changes nothing of it: its weights are 0 and its decay is 1. Where a later token's values are not finite, 0 times
    /// them is none either: the engine throws away what such a sequence has computed.
    unsafe fn over_keys<P: Pages>(&self, first: usize, count: usize) {
        let shape = &self.shape;
        let mut room = MaybeUninit::<Work>::uninit();
        let work = &mut *room.as_mut_ptr();
        core::ptr::write_bytes(work.sums.as_mut_ptr(), 0, count * shape.value_size);
        let mut states = [State::EMPTY; STRIP];
        for (i, state) in states.iter_mut().enumerate().take(count) {
            state.keys = self.rows.position(self.row(first + i)) + 1;
            let q = self.q.add(self.head(first + i) * shape.key_size);
            let to = work.queries.as_mut_ptr().add(i / TILE * TILE * shape.key_size + i % TILE);
            for j in 0..shape.key_size {
                *to.add(j * TILE) = *q.add(j);
            }
        }
        let states = &mut states[..count];
        let last = self.row(first + count - 1);
        let constants = ExpConstants::opaque();
        let [key_bytes, head_bytes] = shape.head_bytes::<P>();
        for block in 0..states[count - 1].keys.div_ceil(BLOCK) {
            let keys = self.rows.page(last, block).add(shape.layer_offset + self.kv_head * head_bytes);
            work.score::<P>(keys, count, shape.key_size);
            let mut decays = [0.0; STRIP];
            for ((state, weights), decay) in states.iter_mut().zip(&mut work.weights).zip(&mut decays) {
                let valid = state.keys.saturating_sub(block * BLOCK).min(BLOCK);
                *decay = soften(weights, state, valid, shape.scale, &constants);
            }
            // The last query has the most keys, and others no weight beyond theirs.
            let valid = (states[count - 1].keys - block * BLOCK).min(BLOCK);
            work.add_values::<P>(keys.add(key_bytes), &decays[..count], valid, shape.value_size);
        }
        for (i, state) in states.iter().enumerate() {
            let norm = F32x4::splat(1.0 / state.total);
            let out = self.out.add(self.head(first + i) * shape.value_size);
            for j in (0..shape.value_size).step_by(4) {
                (F32x4::load(work.sums.as_ptr().add(i * shape.value_size + j)) * norm).store(out.add(j));
            }
        }
    }
}

/// What a strip works on.
#[repr(align(64))]
struct Work {
    /// Queries in tiles of four: `[tiles][D][4]`.
    queries: [f32; NUMBERS],
    /// Weighted sums of values `[queries][Dv]`.
    sums: [f32; NUMBERS],
    /// Scores of one block, then weights.
    weights: [[f32; BLOCK]; STRIP],
    room: Room,
}

impl Work {
    /// q . k for the first `count` queries and the 32 keys of a block, whatever the page holds beyond the valid ones.
    #[inline(always)]
    unsafe fn score<P: Pages>(&mut self, keys: *const u8, count: usize, size: usize) {
        core::ptr::write_bytes(self.weights.as_mut_ptr(), 0, count);
        for from in (0..size).step_by(SLICE) {
            let n = SLICE.min(size - from);
            let keys = P::keys(keys, from, n, &mut self.room);
            for at in (0..count).step_by(TILE) {
                let queries = self.queries.as_ptr().add(at * size + from * TILE);
                let product = Product { factors: queries, rows: keys, row_size: BLOCK, count: n };
                product.add_to::<1, TILE>(self.weights[at].as_mut_ptr(), BLOCK, BLOCK, [1.0; TILE], count - at);
            }
        }
    }

    /// sums = sums * decay + weights . values over a block's first `valid` tokens, ascending.
    #[inline(always)]
    unsafe fn add_values<P: Pages>(&mut self, values: *const u8, decays: &[f32], valid: usize, size: usize) {
        let count = decays.len();
        for from in (0..size).step_by(SLICE) {
            let n = SLICE.min(size - from);
            let (rows, row_size) = P::values(values, size, from, n, valid, &mut self.room);
            for at in (0..count).step_by(TILE) {
                let product = Product { factors: self.weights[at].as_ptr(), rows, row_size, count: valid };
                let decays = core::array::from_fn(|q| decays.get(at + q).copied().unwrap_or(0.0));
                let sums = self.sums.as_mut_ptr().add(at * size + from);
                product.add_to::<BLOCK, 1>(sums, size, n, decays, count - at);
            }
        }
    }
}

/// One query's online softmax.
#[derive(Clone, Copy)]
struct State {
    /// Keys up to its own position.
    keys: usize,
    top: f32,
    total: f32,
}

impl State {
    const EMPTY: State = State { keys: 0, top: f32::NEG_INFINITY, total: 0.0 };
}

/// Turns a block's products into weights e^(scale x - top), 0 beyond the valid keys; gives what earlier sums shrink by.
/// A score that is not a number makes the sum none either, whether or not `pmax` takes it for the top: the relaxed build
/// leaves that to the processor.
#[inline(never)]
unsafe fn soften(weights: &mut [f32; BLOCK], state: &mut State, valid: usize, scale: f32, constants: &ExpConstants) -> f32 {
    let scale = F32x4::splat(scale);
    let mut scores: [F32x4; VECTORS] = core::array::from_fn(|j| F32x4::load(weights.as_ptr().add(4 * j)) * scale);
    if valid < BLOCK {
        for (j, score) in scores.iter_mut().enumerate() {
            let key = I32x4::from_array([0, 1, 2, 3]) + I32x4::splat(4 * j as i32);
            *score = F32x4::select(I32x4::splat(valid as i32).gt(key), *score, F32x4::splat(f32::NEG_INFINITY));
        }
    }
    let lanes = scores.iter().fold(F32x4::splat(state.top), |m, s| m.pmax(*s)).to_array().map(F32x4::splat);
    let top = lanes[0].pmax(lanes[1]).pmax(lanes[2].pmax(lanes[3]));
    let decay = exp_with(F32x4::splat(state.top) - top, constants).to_array()[0];
    let mut sum = F32x4::splat(0.0);
    for (j, score) in scores.into_iter().enumerate() {
        let weight = exp_with(score - top, constants);
        sum = sum + weight;
        weight.store(weights.as_mut_ptr().add(4 * j));
    }
    state.top = top.to_array()[0];
    state.total = state.total * decay + sum.sum();
    decay
}

/// Rows that are added up with factors: out `[Q][n]` = out * decay + sum over i of factor `[i][q]` * row `[i][n]`.
struct Product {
    factors: *const f32,
    rows: *const f32,
    /// How far apart rows are.
    row_size: usize,
    count: usize,
}

impl Product {
    /// For up to four outs, `out_size` apart; the factor of out `q` and row `i` stands at `q FQ + i FI`.
    #[inline(always)]
    unsafe fn add_to<const FQ: usize, const FI: usize>(&self, out: *mut f32, out_size: usize, n: usize, decays: [f32; TILE], outs: usize) {
        match outs {
            1 => self.columns::<1, 8, FQ, FI>(out, out_size, n, decays),
            2 => self.columns::<2, 4, FQ, FI>(out, out_size, n, decays),
            3 => self.columns::<3, 4, FQ, FI>(out, out_size, n, decays),
            _ => self.columns::<4, 2, FQ, FI>(out, out_size, n, decays),
        }
    }

    /// `4 W` columns at a time.
    #[inline(never)]
    unsafe fn columns<const Q: usize, const W: usize, const FQ: usize, const FI: usize>(
        &self,
        out: *mut f32,
        out_size: usize,
        n: usize,
        decays: [f32; TILE],
    ) {
        let mut j = 0;
        while j + 4 * W <= n {
            self.tile::<Q, W, FQ, FI>(out.add(j), out_size, j, decays);
            j += 4 * W;
        }
        while j < n {
            self.tile::<Q, 1, FQ, FI>(out.add(j), out_size, j, decays);
            j += 4;
        }
    }

    /// `Q W` sums, kept in registers over all rows.
    #[inline(always)]
    unsafe fn tile<const Q: usize, const W: usize, const FQ: usize, const FI: usize>(
        &self,
        out: *mut f32,
        out_size: usize,
        column: usize,
        decays: [f32; TILE],
    ) {
        let mut sums: [[F32x4; W]; Q] =
            core::array::from_fn(|q| core::array::from_fn(|c| F32x4::load(out.add(q * out_size + 4 * c)) * F32x4::splat(decays[q])));
        let (mut factors, mut row) = (self.factors, self.rows.add(column));
        for _ in 0..self.count {
            let x: [F32x4; W] = core::array::from_fn(|c| F32x4::load(row.add(4 * c)));
            for (q, sums) in sums.iter_mut().enumerate() {
                let factor = F32x4::load_splat(factors.add(q * FQ));
                for (sum, x) in sums.iter_mut().zip(x) {
                    *sum = sum.madd(factor, x);
                }
            }
            factors = factors.add(FI);
            row = row.add(self.row_size);
        }
        for (q, sums) in sums.into_iter().enumerate() {
            for (c, sum) in sums.into_iter().enumerate() {
                sum.store(out.add(q * out_size + 4 * c));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::exp1;

    #[test]
    fn keys_beyond_the_valid_ones_weigh_nothing() {
        for valid in [0usize, 1, 5, 31, 32] {
            let mut weights = [f32::NAN; BLOCK];
            for (t, w) in weights.iter_mut().enumerate().take(valid) {
                *w = t as f32 * 0.7 - 3.0;
            }
            let products = weights;
            let mut state = State { top: 1.5, total: 2.0, ..State::EMPTY };
            let decay = unsafe { soften(&mut weights, &mut state, valid, 0.5, &ExpConstants::opaque()) };
            let top = (0..valid).map(|t| products[t] * 0.5).fold(1.5f32, f32::max);
            assert_eq!((state.top, decay), (top, exp1(1.5 - top)));
            let sum: f32 = (0..valid).map(|t| (products[t] * 0.5 - top).exp()).sum();
            assert!((state.total - (2.0 * decay + sum)).abs() < 1e-5);
            assert!(weights[valid..].iter().all(|w| *w == 0.0));
        }
    }
}
