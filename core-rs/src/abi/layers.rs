//! The float ops of a layer for the host: norm, rope, attention, element-wise. Shapes stand at the ops themselves.

use super::{BAD_ARGUMENT, OK};
use crate::ops::attention::{attend as attend_pages, F16Pages, F32Pages, Rows, Shape, MAX_HEAD};
use crate::ops::rope::Pairing;
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

#[wasm_bindgen]
pub fn rms_norm(x: *const f32, gain: *const f32, out: *mut f32, rows: usize, cols: usize, epsilon: f32) -> u32 {
    if cols == 0 {
        return BAD_ARGUMENT;
    }
    unsafe { norm::rms_norm(x, gain, out, rows, cols, epsilon) };
    OK
}

#[wasm_bindgen]
pub fn swiglu(gate: *const f32, up: *const f32, out: *mut f32, n: usize) -> u32 {
    unsafe { elementwise::swiglu(gate, up, out, n) };
    OK
}

#[wasm_bindgen]
pub fn add(a: *const f32, b: *const f32, out: *mut f32, n: usize) -> u32 {
    unsafe { elementwise::add(a, b, out, n) };
    OK
}

#[wasm_bindgen]
pub fn select_rows(x: *const f32, rows: usize, indices: *const i32, out: *mut f32, n: usize, cols: usize) -> u32 {
    status(unsafe { elementwise::select_rows(x, rows, indices, out, n, cols) })
}

#[wasm_bindgen]
pub fn rope_table(positions: *const i32, factors: *const f32, table: *mut f32, rows: usize, half: usize, base: f32) -> u32 {
    unsafe { crate::ops::rope::rope_table(positions, factors, table, rows, half, base) };
    OK
}

/// `interleaved` chooses the pairing.
#[wasm_bindgen]
pub fn rope(x: *const f32, table: *const f32, out: *mut f32, rows: usize, heads: usize, head_size: usize, half: usize, interleaved: bool) -> u32 {
    if 2 * half > head_size {
        return BAD_ARGUMENT;
    }
    let pairing = if interleaved { Pairing::Interleaved } else { Pairing::Halves };
    unsafe { crate::ops::rope::rope(x, table, out, rows, heads, head_size, half, pairing) };
    OK
}

/// `positions` and `tables` describe the rows; `half_pages` says that pages hold f16.
#[wasm_bindgen]
#[allow(clippy::too_many_arguments)]
pub fn attend(
    q: *const f32,
    k: *const f32,
    v: *const f32,
    out: *mut f32,
    positions: *const i32,
    tables: *const usize,
    rows: usize,
    heads: usize,
    kv_heads: usize,
    key_size: usize,
    value_size: usize,
    scale: f32,
    layer_offset: usize,
    half_pages: bool,
) -> u32 {
    if kv_heads == 0 || heads % kv_heads != 0 || value_size % 4 != 0 || value_size > MAX_HEAD {
        return BAD_ARGUMENT;
    }
    let shape = Shape { rows, heads, kv_heads, key_size, value_size, scale, layer_offset };
    let rows = Rows { positions, tables };
    unsafe {
        if half_pages {
            attend_pages::<F16Pages>(q, k, v, out, rows, shape);
        } else {
            attend_pages::<F32Pages>(q, k, v, out, rows, shape);
        }
    }
    OK
}

fn status(ok: bool) -> u32 {
    if ok { OK } else { BAD_ARGUMENT }
}
