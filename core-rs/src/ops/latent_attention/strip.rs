//! The kernel of latent attention: some queries over the keys of their sequence. A page is read, and made f32, once for
//! scores and values. Scores have the keys in the lanes of vectors, sums of values the queries, so that both take the page
//! as it stands. Each query's chain of operations is its own, whoever goes with it.

use super::super::attention::pages::{Pages, Room, SLICE};
use super::super::attention::product::{Product, TILE};
use super::super::attention::softmax::{soften, State};
use super::super::attention::{Rows, BLOCK, MAX_HEAD};
use super::LatentShape;
use crate::math::ExpConstants;
use crate::threads::BODY_BYTES;
use core::mem::{size_of, MaybeUninit};

/// Most queries that share a pass over a page: whole tiles, whose numbers stay in the cache beside it.
pub(super) const STRIP: usize = 48;
const SLICES: usize = MAX_HEAD.div_ceil(SLICE);

/// Some queries: query `i` is row `i / H`, head `i % H`.
pub(super) struct LatentStrip {
    pub q: *const f32,
    pub out: *mut f32,
    pub rows: Rows,
    pub shape: LatentShape,
}

impl LatentStrip {
    /// At most `STRIP` queries, in runs that read the same pages.
    /// # Safety
    /// As `latent_attend`.
    pub unsafe fn run<P: Pages>(&self, queries: core::ops::Range<usize>) {
        self.rows.runs(queries, self.shape.heads, |first, count| unsafe { self.over_keys::<P>(first, count) });
    }

    /// Queries of one sequence over all their keys, block by block. A block in which a query has no key changes nothing of
    /// it: its weights are 0 and its decay is 1.
    unsafe fn over_keys<P: Pages>(&self, first: usize, count: usize) {
        let shape = &self.shape;
        let row = |query: usize| (first + query) / shape.heads;
        let mut room = MaybeUninit::<Work>::uninit();
        let work = &mut *room.as_mut_ptr();
        work.start(self.q.add(first * shape.key_size()), count, shape);
        let mut states = [State::EMPTY; STRIP];
        for (i, state) in states.iter_mut().enumerate().take(count) {
            state.keys = self.rows.position(row(i)) + 1;
        }
        let states = &mut states[..count];
        let constants = ExpConstants::opaque();
        // The last query has the most keys, and others no weight beyond theirs.
        let keys = states[count - 1].keys;
        for block in 0..keys.div_ceil(BLOCK) {
            let page = self.rows.page(row(count - 1), block).add(shape.layer_offset);
            let slices = work.score::<P>(page, count, shape.key_size());
            for (i, state) in states.iter_mut().enumerate() {
                let valid = state.keys.saturating_sub(block * BLOCK).min(BLOCK);
                work.decays[i] = soften(&mut work.weights[i], state, valid, shape.scale, &constants);
            }
            work.add_values(slices, count, (keys - block * BLOCK).min(BLOCK), shape.rank);
        }
        let lanes = count.next_multiple_of(TILE);
        for (i, state) in states.iter().enumerate() {
            let norm = 1.0 / state.total;
            let out = self.out.add((first + i) * shape.rank);
            for j in 0..shape.rank {
                *out.add(j) = work.sums[j * lanes + i] * norm;
            }
        }
    }
}

/// What a strip works on; `lanes` are its queries, filled up to whole vectors by such without weight.
#[repr(align(64))]
struct Work {
    /// Queries in tiles of four: `[tiles][R + P][4]`.
    queries: [f32; STRIP * MAX_HEAD],
    /// Weighted sums of values `[R][lanes]`.
    sums: [f32; STRIP * MAX_HEAD],
    /// Scores of one block, then weights.
    weights: [[f32; BLOCK]; STRIP],
    /// Weights `[32][lanes]`.
    turned: [f32; BLOCK * STRIP],
    decays: [f32; STRIP],
    rooms: [Room; SLICES],
}

const _: () = assert!(size_of::<Work>() <= BODY_BYTES);

impl Work {
    /// Takes q `[count, R + P]` in.
    unsafe fn start(&mut self, q: *const f32, count: usize, shape: &LatentShape) {
        let (size, lanes) = (shape.key_size(), count.next_multiple_of(TILE));
        for i in 0..count {
            let to = self.queries.as_mut_ptr().add(i / TILE * TILE * size + i % TILE);
            for j in 0..size {
                *to.add(j * TILE) = *q.add(i * size + j);
            }
        }
        self.sums[..shape.rank * lanes].fill(0.0);
        self.turned[..BLOCK * lanes].fill(0.0);
        self.decays.fill(0.0);
    }

    /// q . k for the first `count` queries and the 32 keys of a page, whatever it holds beyond the valid ones. Gives the
    /// keys as f32, slice by slice.
    #[inline(always)]
    unsafe fn score<P: Pages>(&mut self, page: *const u8, count: usize, size: usize) -> [*const f32; SLICES] {
        let mut slices = [core::ptr::null(); SLICES];
        core::ptr::write_bytes(self.weights.as_mut_ptr(), 0, count);
        for (slice, from) in (0..size).step_by(SLICE).enumerate() {
            let n = SLICE.min(size - from);
            slices[slice] = P::keys(page, from, n, &mut self.rooms[slice]);
            for at in (0..count).step_by(TILE) {
                let queries = self.queries.as_ptr().add(at * size + from * TILE);
                let product = Product { factors: queries, rows: slices[slice], row_size: BLOCK, count: n };
                product.add_to::<1, TILE>(self.weights[at].as_mut_ptr(), BLOCK, BLOCK, [1.0; TILE], count - at);
            }
        }
        slices
    }

    /// sums = sums * decay + weights . values over a block's first `valid` tokens, ascending; values are the first `rank`
    /// numbers of the keys.
    #[inline(always)]
    unsafe fn add_values(&mut self, slices: [*const f32; SLICES], count: usize, valid: usize, rank: usize) {
        let lanes = count.next_multiple_of(TILE);
        for (i, weights) in self.weights.iter().enumerate().take(count) {
            for (t, weight) in weights.iter().enumerate().take(valid) {
                self.turned[t * lanes + i] = *weight;
            }
        }
        for at in (0..rank).step_by(TILE) {
            let values = slices[at / SLICE].add(at % SLICE * BLOCK);
            let product = Product { factors: values, rows: self.turned.as_ptr(), row_size: lanes, count: valid };
            let sums = self.sums.as_mut_ptr().add(at * lanes);
            product.add_to::<BLOCK, 1>(sums, lanes, lanes, self.decays.as_ptr(), rank - at);
        }
    }
}
