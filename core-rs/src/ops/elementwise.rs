//! SwiGLU's product, sums and row selection. Nothing here looks at two elements of a row together. Backward: `gradient`.

pub mod dropout;
mod gradient;

use crate::math::{exp_with, ExpConstants, EXP_MAX};
use crate::simd::F32x4;
use crate::threads::parallel_for;
use core::ops::Range;
pub use gradient::{add_columns, scale, scatter_rows, swiglu_gradient, swiglu_gradient_run, swiglu_gradient_scalar};

/// Elements a thread should get at least.
const GRAIN: usize = 16384;

/// silu(gate) * up for `n` elements (Shazeer, 2002.05202): silu(g) = g / (1 + e^-g).
///
/// # Safety
/// All three hold `n` numbers; `out` overlaps neither input.
pub unsafe fn swiglu(gate: *const f32, up: *const f32, out: *mut f32, n: usize) {
    let (gate, up, out) = (gate as usize, up as usize, out as usize);
    parallel_for(n.div_ceil(4), GRAIN / 4, &|vectors| unsafe {
        let (first, end) = (4 * vectors.start, n.min(4 * vectors.end));
        let (gate, up) = ((gate as *const f32).add(first), (up as *const f32).add(first));
        swiglu_run(gate, up, (out as *mut f32).add(first), end - first);
    });
}

/// `swiglu` on this thread alone.
///
/// # Safety
/// As `swiglu`, but that `out` may be `gate`.
pub unsafe fn swiglu_run(gate: *const f32, up: *const f32, out: *mut f32, n: usize) {
    let c = ExpConstants::opaque();
    let of = |g: F32x4, u: F32x4| g / (F32x4::splat(1.0) + exp_with((-g).min(F32x4::splat(EXP_MAX)), &c)) * u;
    let vectors = n & !3;
    for i in (0..vectors).step_by(4) {
        of(F32x4::load(gate.add(i)), F32x4::load(up.add(i))).store(out.add(i));
    }
    for i in vectors..n {
        *out.add(i) = of(F32x4::splat(*gate.add(i)), F32x4::splat(*up.add(i))).to_array()[0];
    }
}

/// The same in f64, one number at a time.
pub fn swiglu_scalar(gate: &[f32], up: &[f32]) -> Vec<f32> {
    let one = |(g, u): (&f32, &f32)| (*g as f64 / (1.0 + (-*g as f64).exp()) * *u as f64) as f32;
    gate.iter().zip(up).map(one).collect()
}

/// a + b for `n` elements.
///
/// # Safety
/// All three hold `n` numbers; `out` overlaps neither input.
pub unsafe fn add(a: *const f32, b: *const f32, out: *mut f32, n: usize) {
    let (a, b, out) = (a as usize, b as usize, out as usize);
    for_each(n, &|i, vector| unsafe {
        let (a, b, o) = ((a as *const f32).add(i), (b as *const f32).add(i), (out as *mut f32).add(i));
        if vector {
            (F32x4::load(a) + F32x4::load(b)).store(o);
        } else {
            *o = *a + *b;
        }
    });
}

/// Calls `body(i, true)` for each four elements from i on and `body(i, false)` for the single ones at the end.
#[inline(always)]
fn for_each(n: usize, body: &(impl Fn(usize, bool) + Sync)) {
    let vectors = n / 4;
    parallel_for(vectors, GRAIN / 4, &|range| {
        for v in range {
            body(4 * v, true);
        }
    });
    for i in 4 * vectors..n {
        body(i, false);
    }
}

/// Columns that a thread takes through all rows of a sum over rows.
const COLUMNS: usize = 32;

/// Calls `body` with ranges of columns, on all threads: for sums over rows, whose order is the body's own.
pub(super) fn for_columns(rows: usize, cols: usize, body: &(impl Fn(Range<usize>) + Sync)) {
    parallel_for(cols.div_ceil(COLUMNS), 1 + GRAIN / (COLUMNS * rows.max(1)), &|range| {
        body(range.start * COLUMNS..cols.min(range.end * COLUMNS));
    });
}

/// out[i] = x[indices[i]], rows of `cols`; false, with nothing written, if an index lies outside `0..rows`.
///
/// # Safety
/// x `[rows, cols]`, indices `[n]`, out `[n, cols]`; `out` overlaps no input.
pub unsafe fn select_rows(x: *const f32, rows: usize, indices: *const i32, out: *mut f32, n: usize, cols: usize) -> bool {
    let (x, indices, out) = (x as usize, core::slice::from_raw_parts(indices, n), out as usize);
    if indices.iter().any(|&row| row < 0 || row as usize >= rows) {
        return false;
    }
    parallel_for(n, 1 + GRAIN / cols.max(1), &|range| unsafe {
        for i in range {
            let from = (x as *const f32).add(indices[i] as usize * cols);
            core::ptr::copy_nonoverlapping(from, (out as *mut f32).add(i * cols), cols);
        }
    });
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::quant::tests::Rng;

    const SIZES: [usize; 14] = [1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 33, 64, 1001];

    #[test]
    fn swiglu_matches_its_twin() {
        let mut rng = Rng::new(2);
        for n in SIZES {
            let gate: Vec<f32> = (0..n).map(|_| 20.0 * rng.signed_unit()).collect();
            let up: Vec<f32> = (0..n).map(|_| 3.0 * rng.signed_unit()).collect();
            let mut out = vec![f32::NAN; n];
            unsafe { swiglu(gate.as_ptr(), up.as_ptr(), out.as_mut_ptr(), n) };
            for (i, (a, b)) in out.iter().zip(swiglu_scalar(&gate, &up)).enumerate() {
                assert!((a - b).abs() <= 1e-6 * b.abs(), "{i} of {n}: {a} {b}");
            }
        }
    }

    #[test]
    fn swiglu_run_gives_the_same_bits_in_place() {
        let mut rng = Rng::new(3);
        for n in SIZES {
            let mut gate: Vec<f32> = (0..n).map(|_| 200.0 * rng.signed_unit()).collect();
            let up: Vec<f32> = (0..n).map(|_| 3.0 * rng.signed_unit()).collect();
            let mut out = vec![f32::NAN; n];
            unsafe {
                swiglu(gate.as_ptr(), up.as_ptr(), out.as_mut_ptr(), n);
                swiglu_run(gate.as_ptr(), up.as_ptr(), gate.as_mut_ptr(), n);
            }
            assert!(gate.iter().zip(&out).all(|(a, b)| a.to_bits() == b.to_bits()), "{n}");
        }
    }

    #[test]
    fn swiglu_vanishes_below_and_is_linear_above() {
        let gate = [-1e30f32, -100.0, -0.0, 0.0, 100.0, 1e30];
        let mut out = [f32::NAN; 6];
        unsafe { swiglu(gate.as_ptr(), [1.0f32; 6].as_ptr(), out.as_mut_ptr(), 6) };
        assert!(out[..4].iter().all(|v| v.abs() <= 1e-8), "{out:?}");
        assert_eq!(out[4..], gate[4..]);
    }

    #[test]
    fn add_and_select_rows_take_every_element() {
        for n in SIZES {
            let a: Vec<f32> = (0..n).map(|i| i as f32).collect();
            let b: Vec<f32> = (0..n).map(|i| 1000.0 * i as f32).collect();
            let mut out = vec![f32::NAN; n];
            unsafe { add(a.as_ptr(), b.as_ptr(), out.as_mut_ptr(), n) };
            assert!(out.iter().enumerate().all(|(i, v)| *v == 1001.0 * i as f32));
            let indices = [n as i32 - 1, 0];
            let mut rows = [f32::NAN; 2];
            assert!(unsafe { select_rows(b.as_ptr(), n, indices.as_ptr(), rows.as_mut_ptr(), 2, 1) });
            assert_eq!(rows, [b[n - 1], 0.0]);
            for wrong in [-1, n as i32] {
                assert!(!unsafe { select_rows(b.as_ptr(), n, [wrong].as_ptr(), rows.as_mut_ptr(), 1, 1) });
            }
        }
    }
}
