//! The float ops of a layer for the host: norm, rope, attention, element-wise. No arithmetic; shapes stand at the ops.
//!
//! Functions that return a status write nothing if it is not `OK`. `BAD_ARGUMENT` stands for an address that is 0, sizes that
//! do not fit together, an index out of its range.

use super::{BAD_ARGUMENT, OK};
use crate::dtype::Dtype;
use crate::ops::attention::{attend as attend_pages, F16Pages, F32Pages, Pages, Q8Pages, Rows, Shape, MAX_HEAD};
use crate::ops::latent_attention::{latent_attend as attend_latents, LatentShape};
use crate::ops::rope::{Pairing, RotaryHeads};
use crate::ops::{elementwise, norm};
use crate::simd;
use wasm_bindgen::prelude::wasm_bindgen;

/// Whether the build's dot product is exact at the corners of its range: relaxed SIMD is wrong in some engines.
#[wasm_bindgen]
pub fn dot_probe() -> bool {
    let corners: [[i8; 4]; 3] = core::hint::black_box([[-128; 4], [127; 4], [-1, 127, -128, 1]]);
    let weights: [u8; 16] = core::hint::black_box([127, 127, 127, 127, 1, 0, 127, 64, 0, 0, 0, 0, 3, 99, 127, 126]);
    corners.iter().all(|act| {
        let dot = unsafe {
            let acc = simd::I32x4::splat(-7);
            simd::dot4(acc, simd::Act4::load(act.as_ptr().cast()), simd::Weights4::new(simd::Bytes::load(weights.as_ptr())))
        };
        let twin = |row: usize| -> i32 { (0..4).map(|j| act[j] as i32 * weights[4 * row + j] as i32).sum::<i32>() - 7 };
        dot.to_array() == [twin(0), twin(1), twin(2), twin(3)]
    })
}

/// One relaxed multiply-add whose last bit tells whether it is fused: part of the numerics id.
#[wasm_bindgen]
pub fn fma_probe() -> bool {
    let (a, b) = (core::hint::black_box(1.0 + f32::EPSILON), core::hint::black_box(1.0 - f32::EPSILON));
    let sum = simd::F32x4::splat(-1.0).madd(simd::F32x4::splat(a), simd::F32x4::splat(b));
    sum.to_array()[0] != 0.0
}

/// x f32 [rows, cols], gain f32 [cols] -> out f32 [rows, cols].
#[wasm_bindgen]
pub fn rms_norm(x: usize, gain: usize, out: usize, rows: usize, cols: usize, epsilon: f32) -> u32 {
    if [x, gain, out, cols].contains(&0) {
        return BAD_ARGUMENT;
    }
    unsafe { norm::rms_norm(x as *const f32, gain as *const f32, out as *mut f32, rows, cols, epsilon) };
    OK
}

/// gate, up, out f32 [n].
#[wasm_bindgen]
pub fn swiglu(gate: usize, up: usize, out: usize, n: usize) -> u32 {
    if [gate, up, out].contains(&0) {
        return BAD_ARGUMENT;
    }
    unsafe { elementwise::swiglu(gate as *const f32, up as *const f32, out as *mut f32, n) };
    OK
}

/// a, b, out f32 [n].
#[wasm_bindgen]
pub fn add(a: usize, b: usize, out: usize, n: usize) -> u32 {
    if [a, b, out].contains(&0) {
        return BAD_ARGUMENT;
    }
    unsafe { elementwise::add(a as *const f32, b as *const f32, out as *mut f32, n) };
    OK
}

/// x f32 [rows, cols], indices i32 [n] -> out f32 [n, cols].
#[wasm_bindgen]
pub fn select_rows(x: usize, rows: usize, indices: usize, out: usize, n: usize, cols: usize) -> u32 {
    if [x, indices, out].contains(&0) {
        return BAD_ARGUMENT;
    }
    status(unsafe { elementwise::select_rows(x as *const f32, rows, indices as *const i32, out as *mut f32, n, cols) })
}

/// positions i32 [rows], factors f32 [half] (0: none) -> table f32 [rows, half, 2], times `magnitude`.
#[wasm_bindgen]
pub fn rope_table(
    positions: usize,
    factors: usize,
    table: usize,
    rows: usize,
    half: usize,
    base: f32,
    magnitude: f32,
) -> u32 {
    if [positions, table].contains(&0) {
        return BAD_ARGUMENT;
    }
    let (positions, factors, table) = (positions as *const i32, factors as *const f32, table as *mut f32);
    unsafe { crate::ops::rope::rope_table(positions, factors, table, rows, half, base, magnitude) };
    OK
}

/// x, out f32 [rows, heads, head_size], table f32 [rows, half, 2]; elements `start..start + 2 half` of a head turn,
/// `interleaved` chooses the pairing.
#[wasm_bindgen]
#[allow(clippy::too_many_arguments)]
pub fn rope(
    x: usize,
    table: usize,
    out: usize,
    rows: usize,
    heads: usize,
    head_size: usize,
    half: usize,
    interleaved: bool,
    start: usize,
) -> u32 {
    let shape = RotaryHeads { heads, head_size, start, half, pairing: pairing(interleaved) };
    if [x, table, out].contains(&0) || !turns_fit(&shape) {
        return BAD_ARGUMENT;
    }
    unsafe { crate::ops::rope::rope(x as *const f32, table as *const f32, out as *mut f32, rows, shape) };
    OK
}

/// What `interleaved` means.
pub(super) fn pairing(interleaved: bool) -> Pairing {
    if interleaved { Pairing::Interleaved } else { Pairing::Halves }
}

/// Whether what turns lies within a head.
pub(super) fn turns_fit(shape: &RotaryHeads) -> bool {
    shape.half.checked_mul(2).and_then(|turning| turning.checked_add(shape.start)).is_some_and(|end| end <= shape.head_size)
}

/// `positions` i32 [rows] and `tables` (addresses of lists of page addresses) [rows] describe the rows; `page_type` is the ggml
/// type of pages: 0 for F32, 1 for F16, 8 for Q8_0.
#[wasm_bindgen]
#[allow(clippy::too_many_arguments)]
pub fn attend(
    q: usize,
    k: usize,
    v: usize,
    out: usize,
    positions: usize,
    tables: usize,
    rows: usize,
    heads: usize,
    kv_heads: usize,
    key_size: usize,
    value_size: usize,
    scale: f32,
    layer_offset: usize,
    page_type: u32,
) -> u32 {
    if [q, k, v, out, positions, tables].contains(&0) || !heads_fit(heads, kv_heads) {
        return BAD_ARGUMENT;
    }
    if key_size == 0 || value_size == 0 || !value_size.is_multiple_of(4) || key_size.max(value_size) > MAX_HEAD {
        return BAD_ARGUMENT;
    }
    let shape = Shape { rows, heads, kv_heads, key_size, value_size, scale, layer_offset };
    let rows = Rows { positions: positions as *const i32, tables: tables as *const usize };
    let (q, k, v, out) = (q as *const f32, k as *const f32, v as *const f32, out as *mut f32);
    let in_blocks = [key_size, value_size].iter().all(|size| size.is_multiple_of(Q8Pages::BLOCK));
    unsafe {
        match Dtype::from_id(page_type) {
            Some(Dtype::F32) => attend_pages::<F32Pages>(q, k, v, out, rows, shape),
            Some(Dtype::F16) => attend_pages::<F16Pages>(q, k, v, out, rows, shape),
            Some(Dtype::Q8_0) if in_blocks => attend_pages::<Q8Pages>(q, k, v, out, rows, shape),
            _ => return BAD_ARGUMENT,
        }
    }
    OK
}

/// `attend` of one KV head whose keys are latents and rotary parts, and whose values are the latents: q f32 [rows, heads,
/// rank + rotary_size], latent f32 [rows, rank + rotary_size] -> out f32 [rows, heads, rank].
#[wasm_bindgen]
#[allow(clippy::too_many_arguments)]
pub fn latent_attend(
    q: usize,
    latent: usize,
    out: usize,
    positions: usize,
    tables: usize,
    rows: usize,
    heads: usize,
    rank: usize,
    rotary_size: usize,
    scale: f32,
    layer_offset: usize,
    page_type: u32,
) -> u32 {
    let shape = LatentShape { rows, heads, rank, rotary_size, scale, layer_offset };
    if [q, latent, out, positions, tables].contains(&0) || !latent_fits(&shape) {
        return BAD_ARGUMENT;
    }
    let rows = Rows { positions: positions as *const i32, tables: tables as *const usize };
    let (q, latent, out) = (q as *const f32, latent as *const f32, out as *mut f32);
    let in_blocks = shape.key_size().is_multiple_of(Q8Pages::BLOCK);
    unsafe {
        match Dtype::from_id(page_type) {
            Some(Dtype::F32) => attend_latents::<F32Pages>(q, latent, out, rows, shape),
            Some(Dtype::F16) => attend_latents::<F16Pages>(q, latent, out, rows, shape),
            Some(Dtype::Q8_0) if in_blocks => attend_latents::<Q8Pages>(q, latent, out, rows, shape),
            _ => return BAD_ARGUMENT,
        }
    }
    OK
}

/// Whether the kernel has room for such heads.
pub(super) fn latent_fits(shape: &LatentShape) -> bool {
    let LatentShape { heads, rank, rotary_size, .. } = *shape;
    heads > 0 && rank > 0 && rank.saturating_add(rotary_size) <= MAX_HEAD
}

/// Whether each head has one KV head, shared by equally many.
pub(super) fn heads_fit(heads: usize, kv_heads: usize) -> bool {
    kv_heads > 0 && heads.is_multiple_of(kv_heads)
}

fn status(ok: bool) -> u32 {
    if ok { OK } else { BAD_ARGUMENT }
}
