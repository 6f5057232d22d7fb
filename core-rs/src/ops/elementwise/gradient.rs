//! Backward passes of the element-wise ops, and sums over rows. Sums go through rows in ascending order; threads split columns.

use super::{for_columns, for_each, GRAIN};
use crate::math::{exp_with, ExpConstants, EXP_MAX};
use crate::simd::F32x4;
use crate::threads::parallel_for;

/// d, gate, up `[n]` -> the gradients of silu(gate) * up by gate and up.
///
/// # Safety
/// All hold `n` numbers; no output overlaps another array.
pub unsafe fn swiglu_gradient(d: *const f32, gate: *const f32, up: *const f32, out: [*mut f32; 2], n: usize) {
    let (from, to) = ([d, gate, up].map(|at| at as usize), out.map(|at| at as usize));
    parallel_for(n.div_ceil(4), GRAIN / 8, &|vectors| unsafe {
        let (first, end) = (4 * vectors.start, n.min(4 * vectors.end));
        let [d, gate, up] = from.map(|at| (at as *const f32).add(first));
        swiglu_gradient_run(d, gate, up, to.map(|at| (at as *mut f32).add(first)), end - first);
    });
}

/// `swiglu_gradient` on this thread alone.
///
/// # Safety
/// As `swiglu_gradient`, but that outputs may be inputs.
pub unsafe fn swiglu_gradient_run(d: *const f32, gate: *const f32, up: *const f32, [d_gate, d_up]: [*mut f32; 2], n: usize) {
    let c = ExpConstants::opaque();
    let one = F32x4::splat(1.0);
    let of = |d: F32x4, g: F32x4, u: F32x4| {
        let sigmoid = one / (one + exp_with((-g).min(F32x4::splat(EXP_MAX)), &c));
        let slope = sigmoid * (one + g * (one - sigmoid));
        [d * u * slope, d * (g * sigmoid)]
    };
    for i in (0..n & !3).step_by(4) {
        let [by_gate, by_up] = of(F32x4::load(d.add(i)), F32x4::load(gate.add(i)), F32x4::load(up.add(i)));
        by_gate.store(d_gate.add(i));
        by_up.store(d_up.add(i));
    }
    for i in n & !3..n {
        let [by_gate, by_up] = of(F32x4::splat(*d.add(i)), F32x4::splat(*gate.add(i)), F32x4::splat(*up.add(i)));
        *d_gate.add(i) = by_gate.to_array()[0];
        *d_up.add(i) = by_up.to_array()[0];
    }
}

/// The same in f64, one number at a time.
pub fn swiglu_gradient_scalar(d: &[f32], gate: &[f32], up: &[f32]) -> [Vec<f32>; 2] {
    let of = |i: usize| {
        let [d, g, u] = [d[i], gate[i], up[i]].map(|v| v as f64);
        let sigmoid = 1.0 / (1.0 + (-g).exp());
        [d * u * sigmoid * (1.0 + g * (1.0 - sigmoid)), d * g * sigmoid]
    };
    [0, 1].map(|which| (0..d.len()).map(|i| of(i)[which] as f32).collect())
}

/// x * factor for `n` elements.
///
/// # Safety
/// Both hold `n` numbers and do not overlap.
pub unsafe fn scale(x: *const f32, factor: f32, out: *mut f32, n: usize) {
    let (x, out) = (x as usize, out as usize);
    for_each(n, &|i, vector| unsafe {
        let (x, out) = ((x as *const f32).add(i), (out as *mut f32).add(i));
        if vector {
            (F32x4::load(x) * F32x4::splat(factor)).store(out);
        } else {
            *out = *x * factor;
        }
    });
}

/// into `[C]` += the sum of the rows of d `[B, C]`: the gradient of what is added to each row.
///
/// # Safety
/// The pointers hold these shapes and do not overlap.
pub unsafe fn add_columns(d: *const f32, into: *mut f32, rows: usize, cols: usize) {
    let (d, into) = (d as usize, into as usize);
    for_columns(rows, cols, &|own| {
        for row in 0..rows {
            let d = unsafe { (d as *const f32).add(row * cols + own.start) };
            unsafe { add_run(d, (into as *mut f32).add(own.start), own.len()) };
        }
    });
}

/// Backward of `select_rows`: out `[rows, C]` = zeros, then row i of d `[n, C]` added to row `indices[i]`; false, with nothing
/// written, if an index lies outside `0..rows`.
///
/// # Safety
/// The pointers hold these shapes; `out` overlaps no input.
pub unsafe fn scatter_rows(d: *const f32, indices: &[i32], out: *mut f32, rows: usize, cols: usize) -> bool {
    if indices.iter().any(|&row| row < 0 || row as usize >= rows) {
        return false;
    }
    let (d, out) = (d as usize, out as usize);
    for_columns(indices.len().max(rows), cols, &|own| unsafe {
        let out = (out as *mut f32).add(own.start);
        for row in 0..rows {
            out.add(row * cols).write_bytes(0, own.len());
        }
        for (i, &row) in indices.iter().enumerate() {
            add_run((d as *const f32).add(i * cols + own.start), out.add(row as usize * cols), own.len());
        }
    });
    true
}

/// into `[n]` += x `[n]`.
#[inline(always)]
unsafe fn add_run(x: *const f32, into: *mut f32, n: usize) {
    for i in (0..n & !3).step_by(4) {
        (F32x4::load(into.add(i)) + F32x4::load(x.add(i))).store(into.add(i));
    }
    for i in n & !3..n {
        *into.add(i) += *x.add(i);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quant::tests::Rng;
    use crate::slopes::{assert_near, slopes, weighted, wide};

    #[test]
    fn swiglu_gradient_matches_its_twin_and_the_twin_the_slopes() {
        let mut rng = Rng::new(6);
        for n in [1usize, 3, 4, 37] {
            let [d, gate, up]: [Vec<f32>; 3] = core::array::from_fn(|_| (0..n).map(|_| 4.0 * rng.signed_unit()).collect());
            let loss = |gate: &[f64], up: &[f64]| {
                let y: Vec<f64> = gate.iter().zip(up).map(|(g, u)| g / (1.0 + (-g).exp()) * u).collect();
                weighted(&d, &y)
            };
            let twins = swiglu_gradient_scalar(&d, &gate, &up);
            assert_near(&twins[0], &slopes(&gate, |gate| loss(gate, &wide(&up))), 1e-6, "gate");
            assert_near(&twins[1], &slopes(&up, |up| loss(&wide(&gate), up)), 1e-6, "up");
            let mut out = [vec![f32::NAN; n], vec![f32::NAN; n]];
            let [a, b] = out.each_mut().map(|out| out.as_mut_ptr());
            unsafe { swiglu_gradient(d.as_ptr(), gate.as_ptr(), up.as_ptr(), [a, b], n) };
            for (got, twin) in out.iter().zip(&twins) {
                assert_near(got, &wide(twin), 1e-6, "kernel");
            }
        }
    }

    #[test]
    fn swiglu_gradient_is_flat_below_and_straight_above() {
        let (gate, ones) = ([-1e30f32, -100.0, 0.0, 100.0, 1e30], [1.0f32; 5]);
        let mut out = [[f32::NAN; 5]; 2];
        let [a, b] = out.each_mut().map(|out| out.as_mut_ptr());
        unsafe { swiglu_gradient(ones.as_ptr(), gate.as_ptr(), ones.as_ptr(), [a, b], 5) };
        assert!(out[0][..2].iter().all(|v| v.abs() <= 1e-8), "{out:?}");
        assert_eq!(out[0][2..], [0.5, 1.0, 1.0]);
        assert_eq!(out[1][2..], [0.0, 100.0, 1e30]);
    }

    #[test]
    fn rows_are_summed_scattered_and_scaled() {
        let (rows, cols) = (5, 67);
        let d: Vec<f32> = (0..rows * cols).map(|i| i as f32).collect();
        let (mut sums, mut scaled) = (vec![1.0; cols], vec![f32::NAN; rows * cols]);
        let indices = [2, 0, 2, 6, 2];
        let mut out = vec![f32::NAN; 7 * cols];
        unsafe {
            add_columns(d.as_ptr(), sums.as_mut_ptr(), rows, cols);
            scale(d.as_ptr(), 0.5, scaled.as_mut_ptr(), rows * cols);
            assert!(scatter_rows(d.as_ptr(), &indices, out.as_mut_ptr(), 7, cols));
            assert!(!scatter_rows(d.as_ptr(), &[7], out.as_mut_ptr(), 7, cols));
            assert!(!scatter_rows(d.as_ptr(), &[-1], out.as_mut_ptr(), 7, cols));
        }
        for col in 0..cols {
            let at = |row: usize| d[row * cols + col];
            assert_eq!(sums[col], 1.0 + (0..rows).map(at).sum::<f32>());
            for row in 0..7 {
                let own: f32 = (0..rows).filter(|i| indices[*i] == row).map(at).sum();
                assert_eq!(out[row as usize * cols + col], own);
            }
        }
        assert!(scaled.iter().zip(&d).all(|(a, b)| *a == 0.5 * b));
    }
}
