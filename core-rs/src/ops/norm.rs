//! RMSNorm (Zhang & Sennrich, 1910.07467, equation 4), its backward pass and their scalar twins. No mean is taken out and no
//! bias is added.

use super::elementwise::for_columns;
use crate::simd::F32x4;
use crate::threads::parallel_for;

/// x `[B, C]`, gain `[C]` -> out `[B, C]`: x / sqrt(mean(x^2) + epsilon) * gain, each row by itself.
///
/// # Safety
/// The pointers hold the shapes above; `out` overlaps neither input.
pub unsafe fn rms_norm(x: *const f32, gain: *const f32, out: *mut f32, rows: usize, cols: usize, epsilon: f32) {
    let (x, gain, out) = (x as usize, gain as usize, out as usize);
    parallel_for(rows, (16384 / cols.max(1)).max(1), &|range| {
        for row in range {
            unsafe {
                let x = (x as *const f32).add(row * cols);
                let out = (out as *mut f32).add(row * cols);
                norm_row(x, gain as *const f32, out, cols, epsilon);
            }
        }
    });
}

/// 1 / sqrt(mean(x^2) + epsilon).
unsafe fn row_scale(x: *const f32, cols: usize, epsilon: f32) -> f32 {
    1.0 / (sum_of_squares(x, cols) / cols as f32 + epsilon).sqrt()
}

unsafe fn norm_row(x: *const f32, gain: *const f32, out: *mut f32, cols: usize, epsilon: f32) {
    let scale = row_scale(x, cols, epsilon);
    let vectors = cols & !3;
    for i in (0..vectors).step_by(4) {
        (F32x4::load(x.add(i)) * F32x4::splat(scale) * F32x4::load(gain.add(i))).store(out.add(i));
    }
    for i in vectors..cols {
        *out.add(i) = *x.add(i) * scale * *gain.add(i);
    }
}

/// Four chains of four lanes, joined in a fixed order.
unsafe fn sum_of_squares(x: *const f32, cols: usize) -> f32 {
    let mut lanes = [F32x4::splat(0.0); 4];
    let chunks = cols & !15;
    for i in (0..chunks).step_by(16) {
        for (j, lane) in lanes.iter_mut().enumerate() {
            let v = F32x4::load(x.add(i + 4 * j));
            *lane = lane.madd(v, v);
        }
    }
    let mut sum = ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])).sum();
    for i in chunks..cols {
        sum += *x.add(i) * *x.add(i);
    }
    sum
}

/// d, x `[B, C]`, gain `[C]` -> out `[B, C]`, the gradient by x: with s = 1 / sqrt(mean(x^2) + epsilon), each row by itself
/// s * (gain d - x * s^2 * mean(gain d x)).
///
/// # Safety
/// The pointers hold the shapes above; `out` overlaps no input.
pub unsafe fn rms_norm_gradient(d: *const f32, x: *const f32, gain: *const f32, out: *mut f32, rows: usize, cols: usize, epsilon: f32) {
    let io = [d as usize, x as usize, gain as usize, out as usize];
    parallel_for(rows, (16384 / cols.max(1)).max(1), &|range| {
        for row in range {
            unsafe {
                let [d, x] = [io[0], io[1]].map(|at| (at as *const f32).add(row * cols));
                let gain = io[2] as *const f32;
                let scale = row_scale(x, cols, epsilon);
                let mean = sum_of_products(d, gain, x, cols) / cols as f32;
                let shrink = -mean * scale * scale;
                let out = (io[3] as *mut f32).add(row * cols);
                let vectors = cols & !3;
                for i in (0..vectors).step_by(4) {
                    let own = F32x4::load(d.add(i)) * F32x4::load(gain.add(i));
                    (own.madd(F32x4::load(x.add(i)), F32x4::splat(shrink)) * F32x4::splat(scale)).store(out.add(i));
                }
                for i in vectors..cols {
                    *out.add(i) = (*d.add(i) * *gain.add(i) + *x.add(i) * shrink) * scale;
                }
            }
        }
    });
}

/// The sum of a b c, four lanes and then the rest.
unsafe fn sum_of_products(a: *const f32, b: *const f32, c: *const f32, cols: usize) -> f32 {
    let mut lanes = F32x4::splat(0.0);
    for i in (0..cols & !3).step_by(4) {
        lanes = lanes.madd(F32x4::load(a.add(i)) * F32x4::load(b.add(i)), F32x4::load(c.add(i)));
    }
    (cols & !3..cols).fold(lanes.sum(), |sum, i| sum + *a.add(i) * *b.add(i) * *c.add(i))
}

/// into `[C]` += the sum over rows, ascending, of d x / sqrt(mean(x^2) + epsilon): the gradient by the gain; d, x `[B, C]`.
///
/// # Safety
/// The pointers hold these shapes; `into` overlaps no input.
pub unsafe fn rms_norm_gain_gradient(d: *const f32, x: *const f32, into: *mut f32, rows: usize, cols: usize, epsilon: f32) {
    let mut scales = vec![0.0f32; rows];
    let (d, x, into, scales) = (d as usize, x as usize, into as usize, scales.as_mut_ptr() as usize);
    parallel_for(rows, (16384 / cols.max(1)).max(1), &|range| {
        for row in range {
            unsafe { *(scales as *mut f32).add(row) = row_scale((x as *const f32).add(row * cols), cols, epsilon) };
        }
    });
    for_columns(rows, cols, &|own| {
        for row in 0..rows {
            unsafe {
                let [d, x] = [d, x].map(|at| (at as *const f32).add(row * cols));
                let scale = *(scales as *const f32).add(row);
                for i in own.clone() {
                    let into = (into as *mut f32).add(i);
                    *into += *d.add(i) * (*x.add(i) * scale);
                }
            }
        }
    });
}

/// The gradient of `rms_norm` by x in plain loops and f64 sums.
pub fn rms_norm_gradient_scalar(d: &[f32], x: &[f32], gain: &[f32], epsilon: f32) -> Vec<f32> {
    let cols = gain.len();
    let mut out = Vec::with_capacity(x.len());
    for (d, x) in d.chunks(cols).zip(x.chunks(cols)) {
        let square = x.iter().map(|v| *v as f64 * *v as f64).sum::<f64>() / cols as f64 + epsilon as f64;
        let own = |i: usize| d[i] as f64 * gain[i] as f64;
        let mean = (0..cols).map(|i| own(i) * x[i] as f64).sum::<f64>() / cols as f64;
        out.extend((0..cols).map(|i| ((own(i) - x[i] as f64 * mean / square) / square.sqrt()) as f32));
    }
    out
}

/// The gradient of `rms_norm` by a gain `[C]` in plain loops and f64 sums.
pub fn rms_norm_gain_gradient_scalar(d: &[f32], x: &[f32], cols: usize, epsilon: f32) -> Vec<f32> {
    let mut out = vec![0.0f64; cols];
    for (d, x) in d.chunks(cols).zip(x.chunks(cols)) {
        let square = x.iter().map(|v| *v as f64 * *v as f64).sum::<f64>() / cols as f64 + epsilon as f64;
        out.iter_mut().zip(d.iter().zip(x)).for_each(|(out, (d, x))| *out += *d as f64 * *x as f64 / square.sqrt());
    }
    out.iter().map(|v| *v as f32).collect()
}

/// The same in plain loops and f64 sums.
pub fn rms_norm_scalar(x: &[f32], gain: &[f32], epsilon: f32) -> Vec<f32> {
    let cols = gain.len();
    let mut out = Vec::with_capacity(x.len());
    for row in x.chunks(cols) {
        let mean = row.iter().map(|v| *v as f64 * *v as f64).sum::<f64>() / cols as f64;
        let scale = 1.0 / (mean + epsilon as f64).sqrt();
        out.extend(row.iter().zip(gain).map(|(v, g)| (*v as f64 * scale * *g as f64) as f32));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::quant::tests::Rng;

    #[test]
    fn rms_norm_matches_its_twin() {
        let mut rng = Rng::new(1);
        for cols in [1usize, 2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 577] {
            for rows in [1usize, 2, 3, 17] {
                let x: Vec<f32> = (0..rows * cols).map(|_| 3.0 * rng.signed_unit()).collect();
                let gain: Vec<f32> = (0..cols).map(|_| 1.0 + 0.5 * rng.signed_unit()).collect();
                let mut out = vec![f32::NAN; x.len()];
                unsafe { rms_norm(x.as_ptr(), gain.as_ptr(), out.as_mut_ptr(), rows, cols, 1e-5) };
                for (a, b) in out.iter().zip(rms_norm_scalar(&x, &gain, 1e-5)) {
                    assert!((a - b).abs() <= 1e-6 * b.abs(), "{rows} x {cols}: {a} {b}");
                }
            }
        }
    }

    #[test]
    fn gradients_match_their_twins_and_the_twins_the_slopes() {
        use crate::slopes::{assert_near, bits, slopes, weighted, wide};
        let mut rng = Rng::new(2);
        for (rows, cols) in [(1usize, 1usize), (3, 5), (7, 64), (33, 37)] {
            let mut numbers = |n: usize| -> Vec<f32> { (0..n).map(|_| 2.0 * rng.signed_unit()).collect() };
            let (d, x, gain, epsilon) = (numbers(rows * cols), numbers(rows * cols), numbers(cols), 0.1f32);
            let loss = |x: &[f64], gain: &[f64]| {
                let mut y = Vec::new();
                for row in x.chunks(cols) {
                    let square = row.iter().map(|x| x * x).sum::<f64>() / cols as f64 + epsilon as f64;
                    y.extend(row.iter().zip(gain).map(|(x, gain)| x / square.sqrt() * gain));
                }
                weighted(&d, &y)
            };
            let twin = rms_norm_gradient_scalar(&d, &x, &gain, epsilon);
            assert_near(&twin, &slopes(&x, |x| loss(x, &wide(&gain))), 1e-6, "x");
            let gain_twin = rms_norm_gain_gradient_scalar(&d, &x, cols, epsilon);
            assert_near(&gain_twin, &slopes(&gain, |gain| loss(&wide(&x), gain)), 1e-6, "gain");
            let mut out = vec![f32::NAN; x.len()];
            let (mut whole, mut parts) = (vec![0.0; cols], vec![0.0; cols]);
            let cut = rows / 2;
            unsafe {
                rms_norm_gradient(d.as_ptr(), x.as_ptr(), gain.as_ptr(), out.as_mut_ptr(), rows, cols, epsilon);
                rms_norm_gain_gradient(d.as_ptr(), x.as_ptr(), whole.as_mut_ptr(), rows, cols, epsilon);
                rms_norm_gain_gradient(d.as_ptr(), x.as_ptr(), parts.as_mut_ptr(), cut, cols, epsilon);
                let (d, x) = (d.as_ptr().add(cut * cols), x.as_ptr().add(cut * cols));
                rms_norm_gain_gradient(d, x, parts.as_mut_ptr(), rows - cut, cols, epsilon);
            }
            assert_near(&out, &wide(&twin), 2e-6, "kernel");
            assert_near(&whole, &wide(&gain_twin), 2e-6, "kernel of the gain");
            assert_eq!(bits(&parts), bits(&whole));
        }
    }
}
