//! Causal grouped-query attention over a paged cache. Keys are reduced in ascending blocks of 32 counted from the sequence's
//! first token, one online softmax a query row and head (Milakov & Gimelshein, 1805.02867), never split by keys: the same
//! bits whole, in chunks, paged or forked. Owns the write of keys and values; knows no sequences, only rows.
//!
//! A page holds 32 tokens. For each layer and KV head: keys transposed `[D][32]`, then values `[32][Dv]`, in a format of
//! `pages`.

pub mod gradient;
pub(super) mod pages;
pub(super) mod product;
pub(super) mod softmax;
mod strip;

use crate::threads::{parallel_for, thread_count};
pub use pages::{F16Pages, F32Pages, Pages, Q8Pages};
use strip::Strip;

/// Tokens in a page, keys in a block.
pub const BLOCK: usize = 32;
/// Largest head; the kernel keeps a strip's queries and outputs on the stack.
pub const MAX_HEAD: usize = 576;

/// Sizes of one attention layer. `layer_offset` is the byte of a page where the layer begins.
#[derive(Clone, Copy)]
pub struct Shape {
    pub rows: usize,
    pub heads: usize,
    pub kv_heads: usize,
    pub key_size: usize,
    pub value_size: usize,
    pub scale: f32,
    pub layer_offset: usize,
}

impl Shape {
    /// Bytes that a KV head's keys, and its keys and values, take in a page.
    fn head_bytes<P: Pages>(&self) -> [usize; 2] {
        [self.key_size, self.key_size + self.value_size].map(|size| BLOCK * size / P::BLOCK * P::BLOCK_BYTES)
    }
}

/// Where each row stands: `positions [B]` in its sequence, `tables [B]` address of its sequence's list of page addresses.
#[derive(Clone, Copy)]
pub struct Rows {
    pub positions: *const i32,
    pub tables: *const usize,
}
unsafe impl Sync for Rows {}

impl Rows {
    #[inline(always)]
    pub(super) unsafe fn position(&self, row: usize) -> usize {
        *self.positions.add(row) as usize
    }
    /// The byte where block `block` of the row's sequence begins.
    #[inline(always)]
    pub(super) unsafe fn page(&self, row: usize, block: usize) -> *mut u8 {
        let table = *self.tables.add(row) as *const usize;
        *table.add(block) as *mut u8
    }
    /// Calls back with the first and the number of each run of queries that read the same pages; a row has `group` of them.
    pub(super) unsafe fn runs(&self, queries: core::ops::Range<usize>, group: usize, mut each: impl FnMut(usize, usize)) {
        let table = |query| unsafe { *self.tables.add(query / group) };
        let mut first = queries.start;
        while first < queries.end {
            let mut end = first + 1;
            while end < queries.end && table(end) == table(first) {
                end += 1;
            }
            each(first, end - first);
            first = end;
        }
    }
}

/// q `[B, H, D]`, k `[B, Hkv, D]`, v `[B, Hkv, Dv]` -> out `[B, H, Dv]`; k and v are written into the pages first, so that
/// attention sees them as the pages' format rounds them.
///
/// # Safety
/// The pointers hold these shapes, every row's pages exist up to its position, heads are at most `MAX_HEAD`, whole blocks
/// of the format, and values a multiple of 4.
pub unsafe fn attend<P: Pages>(q: *const f32, k: *const f32, v: *const f32, out: *mut f32, rows: Rows, shape: Shape) {
    write_pages::<P>(k, v, rows, shape);
    // Queries of one KV head, row by row, in strips: a strip reads each page once.
    let queries = shape.rows * shape.heads / shape.kv_heads;
    let strip = strip_size::<P>(queries, &shape);
    let strips = queries.div_ceil(strip);
    let longest = (0..shape.rows).map(|row| unsafe { rows.position(row) } + 1).max().unwrap_or(0);
    // About 4k multiply-adds are worth handing over, and where rows are of many sequences all heads together: see `Strip`.
    let grain = (4096 / (strip * longest * (shape.key_size + shape.value_size)).max(1)).max(1);
    let grain = if are_lone(rows, shape.rows) { grain.max(shape.kv_heads) } else { grain };
    let io = (q as usize, out as usize);
    parallel_for(strips * shape.kv_heads, grain, &|mut range| {
        let job = Strip { q: io.0 as *const f32, out: io.1 as *mut f32, rows, shape };
        while !range.is_empty() {
            let (first, kv_head) = (range.start / shape.kv_heads * strip, range.start % shape.kv_heads);
            let heads = kv_head..shape.kv_heads.min(kv_head + range.len());
            range.start += heads.len();
            unsafe { job.run::<P>(first..(first + strip).min(queries), heads) };
        }
    });
}

/// Whether there are enough rows of sequences of their own to keep all threads busy.
unsafe fn are_lone(rows: Rows, count: usize) -> bool {
    const ENOUGH: usize = 16;
    let lone = (1..count).filter(|row| unsafe { *rows.tables.add(*row) != *rows.tables.add(row - 1) }).count();
    count >= ENOUGH * thread_count() && 2 * lone > count
}

/// Queries that share a pass over the keys: as many as bring the last thread to its end first, where a page costs as much
/// to read as some queries to answer. Decides about time alone.
fn strip_size<P: Pages>(queries: usize, shape: &Shape) -> usize {
    let most = strip::most_queries(shape.key_size.max(shape.value_size)).min(queries).max(1);
    let (group, threads) = (shape.heads / shape.kv_heads, thread_count());
    // Parts of a row's heads, or whole rows: rows may be of different sequences.
    let is_even = |strip: &usize| *strip <= group || strip.is_multiple_of(group);
    let time = |strip: &usize| (queries.div_ceil(*strip) * shape.kv_heads).div_ceil(threads) * (P::READ_COST + strip);
    (1..=most).rev().filter(is_even).min_by_key(time).unwrap_or(1)
}

/// Writes each row's key and value into its page.
pub(super) unsafe fn write_pages<P: Pages>(k: *const f32, v: *const f32, rows: Rows, shape: Shape) {
    let (k, v) = (k as usize, v as usize);
    let [key_bytes, head_bytes] = shape.head_bytes::<P>();
    parallel_for(shape.rows, 8, &|range| {
        for row in range {
            unsafe {
                let position = rows.position(row);
                let (block, slot) = (position / BLOCK, position % BLOCK);
                for head in 0..shape.kv_heads {
                    let keys = rows.page(row, block).add(shape.layer_offset + head * head_bytes);
                    let at = row * shape.kv_heads + head;
                    P::write_key((k as *const f32).add(at * shape.key_size), shape.key_size, keys, slot);
                    let v = (v as *const f32).add(at * shape.value_size);
                    P::write_value(v, shape.value_size, keys.add(key_bytes), slot);
                }
            }
        }
    });
}

/// The same in plain f64 loops over whole keys `[T, Hkv, D]` and values `[T, Hkv, Dv]` of one sequence; q `[T, H, D]`.
pub fn attend_scalar(q: &[f32], k: &[f32], v: &[f32], shape: Shape) -> Vec<f32> {
    let Shape { rows, heads, kv_heads, key_size, value_size, .. } = shape;
    let mut out = vec![0.0; rows * heads * value_size];
    for (row, head) in (0..rows).flat_map(|row| (0..heads).map(move |head| (row, head))) {
        let kv = head * kv_heads / heads;
        let dot = |t: usize| -> f64 {
            let (q0, k0) = ((row * heads + head) * key_size, (t * kv_heads + kv) * key_size);
            (0..key_size).map(|i| q[q0 + i] as f64 * k[k0 + i] as f64).sum::<f64>() * shape.scale as f64
        };
        let scores: Vec<f64> = (0..=row).map(dot).collect();
        let top = scores.iter().cloned().fold(f64::NEG_INFINITY, f64::max);
        let total: f64 = scores.iter().map(|s| (s - top).exp()).sum();
        for i in 0..value_size {
            let value = |t: usize| v[(t * kv_heads + kv) * value_size + i] as f64;
            let sum: f64 = scores.iter().enumerate().map(|(t, s)| (s - top).exp() * value(t)).sum();
            out[(row * heads + head) * value_size + i] = (sum / total) as f32;
        }
    }
    out
}

#[cfg(test)]
mod tests;
