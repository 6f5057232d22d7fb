//! Multi-head latent attention, absorbed (DeepSeek-V2, 2405.04434, section 2.1): all heads share one key, the latent and its
//! rotary part, and the values are the latent itself. Blocks, softmax and pages are those of `attention`, so a query has the
//! same bits as there over keys `[R + P]` and values `[R]`; only a page holds the latent once, transposed `[R + P][32]`.
//! Backward: `attention::gradient` over the latent as keys and values.

mod strip;

use super::attention::pages::Pages;
use super::attention::{attend_scalar, write_pages, Rows, Shape};
use crate::threads::{parallel_for, thread_count};
use strip::{LatentStrip, STRIP};

/// Sizes of one layer: R and P. `layer_offset` is the byte of a page where the layer begins.
#[derive(Clone, Copy)]
pub struct LatentShape {
    pub rows: usize,
    pub heads: usize,
    pub rank: usize,
    pub rotary_size: usize,
    pub scale: f32,
    pub layer_offset: usize,
}

impl LatentShape {
    /// Numbers of a key.
    pub fn key_size(&self) -> usize {
        self.rank + self.rotary_size
    }

    /// The same as attention of one KV head.
    fn attention(&self, value_size: usize) -> Shape {
        let LatentShape { rows, heads, scale, layer_offset, .. } = *self;
        Shape { rows, heads, kv_heads: 1, key_size: self.key_size(), value_size, scale, layer_offset }
    }
}

/// q `[B, H, R + P]`, latent `[B, R + P]` -> out `[B, H, R]`; the latent is written into the pages first, so that attention
/// sees it as the pages' format rounds it.
///
/// # Safety
/// The pointers hold these shapes, every row's pages exist up to its position, R + P is at most `MAX_HEAD` and whole blocks
/// of the format.
pub unsafe fn latent_attend<P: Pages>(q: *const f32, latent: *const f32, out: *mut f32, rows: Rows, shape: LatentShape) {
    write_pages::<P>(latent, latent, rows, shape.attention(0));
    let queries = shape.rows * shape.heads;
    let strip = strip_size::<P>(queries, shape.heads);
    let longest = (0..shape.rows).map(|row| unsafe { rows.position(row) } + 1).max().unwrap_or(0);
    // About 4k multiply-adds are worth handing over.
    let grain = (4096 / (strip * longest * (shape.key_size() + shape.rank)).max(1)).max(1);
    let io = (q as usize, out as usize);
    parallel_for(queries.div_ceil(strip), grain, &|range| {
        let job = LatentStrip { q: io.0 as *const f32, out: io.1 as *mut f32, rows, shape };
        for item in range {
            let first = item * strip;
            unsafe { job.run::<P>(first..(first + strip).min(queries)) };
        }
    });
}

/// Queries that share a pass over the keys: as many as bring the last thread to its end first, where queries are computed
/// in fours and a page costs as much to read as some of them. Decides about time alone.
fn strip_size<P: Pages>(queries: usize, heads: usize) -> usize {
    // Parts of a row's heads, or whole rows: rows may be of different sequences.
    let is_even = |strip: &usize| *strip <= heads || strip.is_multiple_of(heads);
    // A page is read once for its keys and values.
    let cost = |strip: usize| P::READ_COST.div_ceil(2) + strip.next_multiple_of(4);
    let time = |strip: &usize| queries.div_ceil(*strip).div_ceil(thread_count()) * cost(*strip);
    (1..=STRIP.min(queries).max(1)).rev().filter(is_even).min_by_key(time).unwrap_or(1)
}

/// The same in plain f64 loops over the whole latent `[T, R + P]` of one sequence; q `[T, H, R + P]`.
pub fn latent_attend_scalar(q: &[f32], latent: &[f32], shape: LatentShape) -> Vec<f32> {
    let values: Vec<f32> = latent.chunks(shape.key_size()).flat_map(|key| &key[..shape.rank]).copied().collect();
    attend_scalar(q, latent, &values, shape.attention(shape.rank))
}

#[cfg(test)]
mod tests;
