//! Tests of the searches: exact where values are levels, near a bound of the best error elsewhere, never wild.

use super::*;
use crate::quant::scalar::dequantize_row;
use crate::quant::tests::Rng;

const WRITTEN: [Dtype; 8] = [
    Dtype::F32,
    Dtype::F16,
    Dtype::Bf16,
    Dtype::Q8_0,
    Dtype::Q4_0,
    Dtype::Q4_1,
    Dtype::Q4K,
    Dtype::Q6K,
];

fn run(dtype: Dtype, x: &[f32]) -> Option<Vec<u8>> {
    let mut out = vec![0xaa; dtype.row_bytes(x.len()).unwrap()];
    unsafe { quantize(dtype, x.as_ptr(), out.as_mut_ptr(), x.len()) }.then_some(out)
}

/// Squared error relative to the values' squares.
fn nmse(dtype: Dtype, x: &[f32]) -> f64 {
    let mut back = vec![0f32; x.len()];
    dequantize_row(dtype, &run(dtype, x).unwrap(), &mut back);
    let square = |x: f32| f64::from(x) * f64::from(x);
    let error: f64 = x.iter().zip(&back).map(|(&x, &y)| square(x - y)).sum();
    error / x.iter().map(|&x| square(x)).sum::<f64>()
}

/// About normal: the sum of twelve uniform numbers.
fn normal(rng: &mut Rng) -> f32 {
    (0..12).map(|_| rng.signed_unit()).sum::<f32>() / 2.0
}

#[test]
fn k_quants_of_normal_values_keep_their_error() {
    // A normal weight in 16 uniform levels over a group's own range, and in 64: measured 4.6e-3 and 2.6e-4.
    let mut rng = Rng::new(9);
    let x: Vec<f32> = (0..64 * 256).map(|_| normal(&mut rng)).collect();
    for (dtype, limit) in [(Dtype::Q4K, 5.2e-3), (Dtype::Q6K, 3.2e-4)] {
        for size in [1.0, 1e-3, 1e3] {
            let x: Vec<f32> = x.iter().map(|x| x * size).collect();
            let error = nmse(dtype, &x);
            assert!(error < limit, "{dtype:?}: {error}");
        }
    }
}

#[test]
fn values_that_are_levels_come_back() {
    // The largest code is the last that a scale can have, so all others are whole numbers under it.
    let q4 = |k: usize| ((k * 7 % 16) as f32 - 8.0) * (63 - k / 32 * 9) as f32;
    let q6 = |k: usize| ((k * 5 % 16 * 4) as f32 - 32.0) * (127 - k / 16 * 7) as f32;
    for (dtype, x) in [
        (Dtype::Q4K, (0..256).map(q4).collect::<Vec<f32>>()),
        (Dtype::Q6K, (0..256).map(q6).collect()),
    ] {
        assert!(nmse(dtype, &x) < 1e-7, "{dtype:?}: {}", nmse(dtype, &x));
    }
}

#[test]
fn odd_blocks_are_held() {
    for dtype in WRITTEN {
        for one in [0.0, 1.0, -1.0, 1e-30] {
            let mut back = vec![9f32; 256];
            dequantize_row(dtype, &run(dtype, &[one; 256]).unwrap(), &mut back);
            let worst = back.iter().fold(0f32, |worst, y| worst.max((y - one).abs()));
            assert!(worst <= 0.04, "{dtype:?} {one}: {worst}");
        }
    }
}

#[test]
fn values_that_are_not_finite_are_refused() {
    for dtype in WRITTEN {
        for bad in [f32::NAN, f32::INFINITY] {
            let mut x = [1f32; 256];
            x[200] = bad;
            assert!(run(dtype, &x).is_none(), "{dtype:?}");
        }
        let too_large = run(dtype, &[3e38; 256]);
        assert_eq!(too_large.is_some(), dtype == Dtype::F32 || dtype == Dtype::Bf16, "{dtype:?}");
    }
}

#[test]
fn formats_without_a_writer_are_none() {
    for dtype in Dtype::ALL {
        assert_eq!(block_writer(dtype).is_some(), WRITTEN.contains(&dtype), "{dtype:?}");
    }
}
