//! Causal grouped-query attention over a paged cache. Keys are reduced in ascending blocks of 32 counted from the sequence's
//! first token, one online softmax a query row and head (Milakov & Gimelshein, 1805.02867), never split by keys: the same
//! bits whole, in chunks, paged or forked. Owns the write of keys and values; knows no sequences, only rows.
//!
//! A page holds 32 tokens. For each layer and KV head: keys transposed `[D][32]`, then values `[32][Dv]`.

mod strip;

use crate::simd::F32x4;
use crate::threads::{parallel_for, thread_count};
use strip::{Strip, STRIP};

/// Tokens in a page, keys in a block.
pub const BLOCK: usize = 32;
/// Largest head; the kernel keeps a head's output on the stack.
pub const MAX_HEAD: usize = 576;

/// A number format of cache pages.
pub trait KvNumber: Copy + Sync {
    /// Bytes of one number.
    const BYTES: usize;
    /// # Safety
    /// 4 numbers are readable at `from`.
    unsafe fn load4(from: *const u8) -> F32x4;
    /// # Safety
    /// `to` is writable.
    unsafe fn store(to: *mut u8, x: f32);
}

/// Pages of f32.
#[derive(Clone, Copy)]
pub struct F32Pages;
/// Pages of f16, rounded to nearest even.
#[derive(Clone, Copy)]
pub struct F16Pages;

impl KvNumber for F32Pages {
    const BYTES: usize = 4;
    #[inline(always)]
    unsafe fn load4(from: *const u8) -> F32x4 {
        F32x4::load(from.cast())
    }
    #[inline(always)]
    unsafe fn store(to: *mut u8, x: f32) {
        *to.cast::<f32>() = x;
    }
}

impl KvNumber for F16Pages {
    const BYTES: usize = 2;
    #[inline(always)]
    unsafe fn load4(from: *const u8) -> F32x4 {
        F32x4::load_f16(from)
    }
    #[inline(always)]
    unsafe fn store(to: *mut u8, x: f32) {
        *to.cast::<u16>() = F32x4::splat(x).to_f16_lanes().to_array()[0] as u16;
    }
}

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
    /// Numbers that one KV head takes in a page.
    fn head_numbers(&self) -> usize {
        BLOCK * (self.key_size + self.value_size)
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
    unsafe fn position(&self, row: usize) -> usize {
        *self.positions.add(row) as usize
    }
    /// The byte where block `block` of the row's sequence begins.
    #[inline(always)]
    unsafe fn page(&self, row: usize, block: usize) -> *mut u8 {
        let table = *self.tables.add(row) as *const usize;
        *table.add(block) as *mut u8
    }
}

/// q `[B, H, D]`, k `[B, Hkv, D]`, v `[B, Hkv, Dv]` -> out `[B, H, Dv]`; k and v are written into the pages first.
///
/// # Safety
/// The pointers hold these shapes, every row's pages exist up to its position, `value_size` is a multiple of 4 and at
/// most `MAX_HEAD`.
pub unsafe fn attend<N: KvNumber>(q: *const f32, k: *const f32, v: *const f32, out: *mut f32, rows: Rows, shape: Shape) {
    write_pages::<N>(k, v, rows, shape);
    // Queries of one KV head, row by row, in strips: a strip reads each page once.
    let queries = shape.rows * shape.heads / shape.kv_heads;
    let strips = queries.div_ceil(strip_size(queries * shape.kv_heads));
    let strip = queries.div_ceil(strips);
    let longest = (0..shape.rows).map(|row| unsafe { rows.position(row) } + 1).max().unwrap_or(0);
    // About 4k multiply-adds are worth handing over.
    let grain = (4096 / (strip * longest * (shape.key_size + shape.value_size)).max(1)).max(1);
    let io = (q as usize, out as usize);
    parallel_for(strips * shape.kv_heads, grain, &|range| {
        for item in range {
            let (first, kv_head) = (item / shape.kv_heads * strip, item % shape.kv_heads);
            let job = Strip { q: io.0 as *const f32, out: io.1 as *mut f32, kv_head, rows, shape };
            unsafe { job.run::<N>(first..(first + strip).min(queries)) };
        }
    });
}

/// Queries that share a pass over the keys: many where there are many, few where threads would be idle.
fn strip_size(queries: usize) -> usize {
    (queries / (4 * thread_count())).clamp(1, STRIP)
}

unsafe fn write_pages<N: KvNumber>(k: *const f32, v: *const f32, rows: Rows, shape: Shape) {
    let (k, v) = (k as usize, v as usize);
    parallel_for(shape.rows, 8, &|range| {
        for row in range {
            unsafe {
                let position = rows.position(row);
                let (block, slot) = (position / BLOCK, position % BLOCK);
                for head in 0..shape.kv_heads {
                    let offset = shape.layer_offset + head * shape.head_numbers() * N::BYTES;
                    let keys = rows.page(row, block).add(offset);
                    let values = keys.add((shape.key_size * BLOCK + slot * shape.value_size) * N::BYTES);
                    let k = (k as *const f32).add((row * shape.kv_heads + head) * shape.key_size);
                    let v = (v as *const f32).add((row * shape.kv_heads + head) * shape.value_size);
                    for i in 0..shape.key_size {
                        N::store(keys.add((i * BLOCK + slot) * N::BYTES), *k.add(i));
                    }
                    for i in 0..shape.value_size {
                        N::store(values.add(i * N::BYTES), *v.add(i));
                    }
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
