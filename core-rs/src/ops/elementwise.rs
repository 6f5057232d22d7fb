//! SwiGLU's product, sums and row selection. Nothing here looks at two elements of a row together.

use crate::math::{exp, exp1};
use crate::simd::F32x4;
use crate::threads::parallel_for;

/// Elements a thread should get at least.
const GRAIN: usize = 16384;

/// silu(gate) * up for `n` elements (Shazeer, 2002.05202): silu(g) = g / (1 + e^-g).
///
/// # Safety
/// All three hold `n` numbers; `out` overlaps neither input.
pub unsafe fn swiglu(gate: *const f32, up: *const f32, out: *mut f32, n: usize) {
    let (gate, up, out) = (gate as usize, up as usize, out as usize);
    for_each(n, &|i, vector| unsafe {
        let (g, u, o) = ((gate as *const f32).add(i), (up as *const f32).add(i), (out as *mut f32).add(i));
        if vector {
            let x = F32x4::load(g);
            (x / (F32x4::splat(1.0) + exp(-x)) * F32x4::load(u)).store(o);
        } else {
            *o = *g / (1.0 + exp1(-*g)) * *u;
        }
    });
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

/// out[i] = x[indices[i]], rows of `cols`; false if an index lies outside `0..rows`.
///
/// # Safety
/// x `[rows, cols]`, indices `[n]`, out `[n, cols]`; `out` overlaps no input.
pub unsafe fn select_rows(x: *const f32, rows: usize, indices: *const i32, out: *mut f32, n: usize, cols: usize) -> bool {
    for i in 0..n {
        let row = *indices.add(i);
        if row < 0 || row as usize >= rows {
            return false;
        }
        core::ptr::copy_nonoverlapping(x.add(row as usize * cols), out.add(i * cols), cols);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn swiglu_matches_f64() {
        for n in [1usize, 4, 7, 64, 1001] {
            let gate: Vec<f32> = (0..n).map(|i| (i % 41) as f32 * 0.5 - 10.0).collect();
            let up: Vec<f32> = (0..n).map(|i| (i % 7) as f32 - 3.0).collect();
            let mut out = vec![0.0; n];
            unsafe { swiglu(gate.as_ptr(), up.as_ptr(), out.as_mut_ptr(), n) };
            for i in 0..n {
                let g = gate[i] as f64;
                let want = g / (1.0 + (-g).exp()) * up[i] as f64;
                assert!((out[i] as f64 - want).abs() <= 1e-6 * want.abs().max(1e-3));
            }
        }
    }
}
