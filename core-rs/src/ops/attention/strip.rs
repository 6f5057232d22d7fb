//! The kernel of attention: some queries of one KV head over their keys, four at a time in registers, so that a page is
//! read, and made f32, once for many. Each query's chain of operations is its own, whoever goes with it.

use super::pages::{Room, SLICE};
use super::product::{Product, TILE};
use super::softmax::{soften, State};
use super::{Pages, Rows, Shape, BLOCK};
use crate::math::ExpConstants;
use crate::simd::F32x4;
use crate::threads::BODY_BYTES;
use core::mem::{size_of, MaybeUninit};

/// Most queries that share a pass over a page: their numbers stay in the cache beside it.
const STRIP: usize = 48;
/// Most numbers of a strip's queries, and of its sums.
const NUMBERS: usize = 4096;

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
        self.rows.runs(queries, self.group(), |first, count| unsafe { self.over_keys::<P>(first, count) });
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

const _: () = assert!(size_of::<Work>() <= BODY_BYTES);

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
