//! Causal grouped-query attention over a paged cache. Keys are reduced in ascending blocks of 32 counted from the sequence's
//! first token, one online softmax a query row and head (Milakov & Gimelshein, 1805.02867), never split by keys: the same
//! bits whole, in chunks, paged or forked. Owns the write of keys and values; knows no sequences, only rows.
//!
//! A page holds 32 tokens. For each layer and KV head: keys transposed `[D][32]`, then values `[32][Dv]`.

use crate::math::{exp, exp1};
use crate::simd::{F32x4, I32x4};
use crate::threads::parallel_for;

/// Tokens in a page, keys in a block.
pub const BLOCK: usize = 32;
/// Largest head; the kernel keeps a head's output on the stack.
pub const MAX_HEAD: usize = 576;
const VECTORS: usize = BLOCK / 4;

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
    let (q, out) = (q as usize, out as usize);
    // One item is a query row and a head; about 4k multiply-adds are worth handing over.
    let longest = (0..shape.rows).map(|row| unsafe { rows.position(row) } + 1).max().unwrap_or(0);
    let grain = (4096 / (longest * (shape.key_size + shape.value_size)).max(1)).max(1);
    parallel_for(shape.rows * shape.heads, grain, &|range| {
        for item in range {
            let (row, head) = (item / shape.heads, item % shape.heads);
            unsafe {
                let q = (q as *const f32).add(item * shape.key_size);
                let out = (out as *mut f32).add(item * shape.value_size);
                attend_one::<N>(q, out, row, head * shape.kv_heads / shape.heads, rows, shape);
            }
        }
    });
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

/// One query row and head over all its keys.
#[inline(always)]
unsafe fn attend_one<N: KvNumber>(q: *const f32, out: *mut f32, row: usize, kv_head: usize, rows: Rows, shape: Shape) {
    let keys = rows.position(row) + 1;
    let offset = shape.layer_offset + kv_head * shape.head_numbers() * N::BYTES;
    let (mut top, mut total) = (f32::NEG_INFINITY, 0.0f32);
    let mut acc = [0.0f32; MAX_HEAD];
    for block in 0..keys.div_ceil(BLOCK) {
        let page = rows.page(row, block).add(offset);
        let valid = (keys - block * BLOCK).min(BLOCK);
        let mut weights = block_scores::<N>(q, page, valid, shape);
        let block_top = weights.iter().fold(F32x4::splat(top), |m, s| m.max(*s)).max_lane();
        let decay = exp1(top - block_top);
        top = block_top;
        let mut sum = F32x4::splat(0.0);
        for w in weights.iter_mut() {
            *w = exp(*w - F32x4::splat(top));
            sum = sum + *w;
        }
        total = total * decay + sum.sum();
        let values = page.add(shape.key_size * BLOCK * N::BYTES);
        add_values::<N>(&mut acc, &weights, values, valid, decay, shape.value_size);
    }
    let norm = F32x4::splat(1.0 / total);
    for i in (0..shape.value_size).step_by(4) {
        (F32x4::load(acc.as_ptr().add(i)) * norm).store(out.add(i));
    }
}

/// q . k * scale for the 32 keys of a block; -inf beyond the valid ones, whatever the page holds there.
#[inline(always)]
unsafe fn block_scores<N: KvNumber>(q: *const f32, keys: *const u8, valid: usize, shape: Shape) -> [F32x4; VECTORS] {
    let mut scores = [F32x4::splat(0.0); VECTORS];
    for i in 0..shape.key_size {
        let x = F32x4::load_splat(q.add(i));
        for (j, score) in scores.iter_mut().enumerate() {
            *score = score.madd(x, N::load4(keys.add((i * BLOCK + 4 * j) * N::BYTES)));
        }
    }
    for (j, score) in scores.iter_mut().enumerate() {
        let key = I32x4::from_array([0, 1, 2, 3]) + I32x4::splat(4 * j as i32);
        let scaled = *score * F32x4::splat(shape.scale);
        *score = F32x4::select(I32x4::splat(valid as i32).gt(key), scaled, F32x4::splat(f32::NEG_INFINITY));
    }
    scores
}

/// acc = acc * decay + sum of weight * value over the block's valid keys, ascending.
#[inline(always)]
unsafe fn add_values<N: KvNumber>(acc: &mut [f32; MAX_HEAD], weights: &[F32x4; VECTORS], values: *const u8, valid: usize, decay: f32, size: usize) {
    let mut p = [0.0f32; BLOCK];
    for (j, w) in weights.iter().enumerate() {
        w.store(p.as_mut_ptr().add(4 * j));
    }
    let mut i = 0;
    while i + 32 <= size {
        add_columns::<N, 8>(acc.as_mut_ptr().add(i), &p, values.add(i * N::BYTES), valid, decay, size);
        i += 32;
    }
    while i < size {
        add_columns::<N, 1>(acc.as_mut_ptr().add(i), &p, values.add(i * N::BYTES), valid, decay, size);
        i += 4;
    }
}

/// `4 COUNT` columns of the sum, kept in registers over the block.
#[inline(always)]
unsafe fn add_columns<N: KvNumber, const COUNT: usize>(acc: *mut f32, p: &[f32; BLOCK], values: *const u8, valid: usize, decay: f32, size: usize) {
    let mut lanes: [F32x4; COUNT] = core::array::from_fn(|c| F32x4::load(acc.add(4 * c)) * F32x4::splat(decay));
    for (j, weight) in p.iter().enumerate().take(valid) {
        let w = F32x4::splat(*weight);
        for (c, lane) in lanes.iter_mut().enumerate() {
            *lane = lane.madd(w, N::load4(values.add((j * size + 4 * c) * N::BYTES)));
        }
    }
    for (c, lane) in lanes.iter().enumerate() {
        lane.store(acc.add(4 * c));
    }
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
