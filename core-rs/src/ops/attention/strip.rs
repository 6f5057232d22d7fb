//! The kernel of attention: some queries of one KV head over their keys, four at a time in registers, so that a page is
//! read, and made f32, once for many. A row that has its pages for itself reads them head by head, as they lie in memory.
//! Each query's chain of operations is its own, whoever goes with it.

use super::pages::{Room, SLICE};
use super::product::{Product, TILE};
use super::softmax::{soften, State};
use super::{Pages, Rows, Shape, BLOCK};
use crate::math::ExpConstants;
use crate::simd::F32x4;
use crate::threads::BODY_BYTES;
use core::mem::{size_of, MaybeUninit};
use core::ops::Range;

/// Most queries that share a pass over a page: their numbers stay in the cache beside it.
const STRIP: usize = 48;
/// Most numbers of a strip's queries, and of its sums.
const NUMBERS: usize = 4096;

/// Most queries of a strip whose heads have `size` numbers: whole tiles, since queries lie in such.
pub(super) fn most_queries(size: usize) -> usize {
    (NUMBERS / size / TILE * TILE).clamp(TILE, STRIP)
}

const _: () = assert!(super::MAX_HEAD * TILE <= NUMBERS);

/// Some queries of KV heads. Query `i` is row `i / group`, head `i % group` of those that share a KV head.
pub(super) struct Strip {
    pub q: *const f32,
    pub out: *mut f32,
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
    fn head(&self, query: usize, kv_head: usize) -> usize {
        self.row(query) * self.shape.heads + kv_head * self.group() + query % self.group()
    }

    /// At most `STRIP` queries of each of the KV heads, in runs that read the same pages.
    /// # Safety
    /// As `attend`.
    pub unsafe fn run<P: Pages>(&self, queries: Range<usize>, kv_heads: Range<usize>) {
        let size = self.shape.key_size.max(self.shape.value_size);
        self.rows.runs(queries, self.group(), |first, count| {
            // Memory is fetched ahead where it is read in order: a page holds one head after the other.
            let most = if count <= self.group() { most_queries(size) / count.next_multiple_of(TILE) } else { 1 };
            let mut heads = kv_heads.clone();
            while !heads.is_empty() {
                let some = heads.start..heads.end.min(heads.start + most.max(1));
                heads.start = some.end;
                unsafe { self.over_keys::<P>(first, count, some) };
            }
        });
    }

    /// Queries of one sequence over all their keys, block by block, `count` of each of the heads, up to `STRIP` in all. A block in which a query has no key
    /// changes nothing of it: its weights are 0 and its decay is 1. Where a later token's values are not finite, 0 times
    /// them is none either: the engine throws away what such a sequence has computed.
    unsafe fn over_keys<P: Pages>(&self, first: usize, count: usize, kv_heads: Range<usize>) {
        let shape = &self.shape;
        let mut room = MaybeUninit::<Work>::uninit();
        let work = &mut *room.as_mut_ptr();
        core::ptr::write_bytes(work.sums.as_mut_ptr(), 0, kv_heads.len() * count * shape.value_size);
        let mut states = [State::EMPTY; STRIP];
        for (place, kv_head) in kv_heads.clone().enumerate() {
            for i in 0..count {
                states[place * count + i].keys = self.rows.position(self.row(first + i)) + 1;
                work.take(self.q.add(self.head(first + i, kv_head) * shape.key_size), place, i, count, shape.key_size);
            }
        }
        let last = self.row(first + count - 1);
        let most_keys = states[count - 1].keys;
        let constants = ExpConstants::opaque();
        let [key_bytes, head_bytes] = shape.head_bytes::<P>();
        for block in 0..most_keys.div_ceil(BLOCK) {
            let page = self.rows.page(last, block).add(shape.layer_offset);
            for (place, kv_head) in kv_heads.clone().enumerate() {
                let keys = page.add(kv_head * head_bytes);
                work.score::<P>(keys, place, count, shape.key_size);
                let mut decays = [0.0; STRIP];
                let own = place * count..(place + 1) * count;
                let weighed = states[own.clone()].iter_mut().zip(&mut work.weights[own]);
                for ((state, weights), decay) in weighed.zip(&mut decays) {
                    let valid = state.keys.saturating_sub(block * BLOCK).min(BLOCK);
                    *decay = soften(weights, state, valid, shape.scale, &constants);
                }
                // The last query has the most keys, and others no weight beyond theirs.
                let valid = (most_keys - block * BLOCK).min(BLOCK);
                work.add_values::<P>(keys.add(key_bytes), place, &decays[..count], valid, shape.value_size);
            }
        }
        for (place, kv_head) in kv_heads.enumerate() {
            for i in 0..count {
                let norm = F32x4::splat(1.0 / states[place * count + i].total);
                let sums = work.sums.as_ptr().add((place * count + i) * shape.value_size);
                let out = self.out.add(self.head(first + i, kv_head) * shape.value_size);
                for j in (0..shape.value_size).step_by(4) {
                    (F32x4::load(sums.add(j)) * norm).store(out.add(j));
                }
            }
        }
    }
}

/// What a strip works on, head by head.
#[repr(align(64))]
struct Work {
    /// Queries in tiles of four: of each head `[tiles][D][4]`.
    queries: [f32; NUMBERS],
    /// Weighted sums of values `[heads][queries][Dv]`.
    sums: [f32; NUMBERS],
    /// Scores of one block, then weights.
    weights: [[f32; BLOCK]; STRIP],
    room: Room,
}

const _: () = assert!(size_of::<Work>() <= BODY_BYTES);

impl Work {
    /// Takes in q `[size]`, query `i` of `count` of the head at `place`.
    unsafe fn take(&mut self, q: *const f32, place: usize, i: usize, count: usize, size: usize) {
        let tile = place * count.div_ceil(TILE) + i / TILE;
        let to = self.queries.as_mut_ptr().add(tile * TILE * size + i % TILE);
        for j in 0..size {
            *to.add(j * TILE) = *q.add(j);
        }
    }

    /// q . k for the first `count` queries and the 32 keys of a block, whatever the page holds beyond the valid ones.
    #[inline(always)]
    unsafe fn score<P: Pages>(&mut self, keys: *const u8, place: usize, count: usize, size: usize) {
        let weights = &mut self.weights[place * count..(place + 1) * count];
        core::ptr::write_bytes(weights.as_mut_ptr(), 0, count);
        let queries = self.queries.as_ptr().add(place * count.next_multiple_of(TILE) * size);
        for from in (0..size).step_by(SLICE) {
            let n = SLICE.min(size - from);
            let keys = P::keys(keys, from, n, &mut self.room);
            for at in (0..count).step_by(TILE) {
                let queries = queries.add(at * size + from * TILE);
                let product = Product { factors: queries, rows: keys, row_size: BLOCK, count: n };
                product.add_to::<1, TILE>(weights[at].as_mut_ptr(), BLOCK, BLOCK, [1.0; TILE], count - at);
            }
        }
    }

    /// sums = sums * decay + weights . values over a block's first `valid` tokens, ascending.
    #[inline(always)]
    unsafe fn add_values<P: Pages>(&mut self, values: *const u8, place: usize, decays: &[f32], valid: usize, size: usize) {
        let count = decays.len();
        let weights = &self.weights[place * count..(place + 1) * count];
        let sums = self.sums.as_mut_ptr().add(place * count * size);
        for from in (0..size).step_by(SLICE) {
            let n = SLICE.min(size - from);
            let (rows, row_size) = P::values(values, size, from, n, valid, &mut self.room);
            for at in (0..count).step_by(TILE) {
                let product = Product { factors: weights[at].as_ptr(), rows, row_size, count: valid };
                let decays = core::array::from_fn(|q| decays.get(at + q).copied().unwrap_or(0.0));
                let sums = sums.add(at * size + from);
                product.add_to::<BLOCK, 1>(sums, size, n, decays, count - at);
            }
        }
    }
}
