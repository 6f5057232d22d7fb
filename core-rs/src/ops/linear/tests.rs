//! Tests of `linear`: equal to the scalar twin bit for bit (native `madd` rounds twice), one row equal to many.

use super::*;
use crate::ops::embed::unpack_row;
use crate::quant::activation::quantize_rows;
use crate::quant::byte_dot::{self, ByteDot};
use crate::quant::scalar;
use crate::quant::tests::{packed, random_rows, Rng};

struct Case {
    dtype: Dtype,
    x: Vec<f32>,
    weights: Vec<u8>,
    bias: Vec<f32>,
    cols: usize,
    outputs: usize,
}

fn case(dtype: Dtype, rows: usize, cols: usize, outputs: usize) -> Case {
    let mut rng = Rng::new((rows * cols * outputs) as u32);
    let mut x: Vec<f32> = (0..rows * cols).map(|_| rng.signed_unit()).collect();
    // Outliers at changing places of changing size, so that wide steps occur in every step of a group.
    for (i, at) in (0..x.len()).step_by(53).enumerate() {
        x[at] *= [1.0, 9.0, 70.0, 900.0][i % 4];
    }
    let weights = random_rows(&mut rng, dtype, outputs, cols);
    let bias = (0..outputs).map(|_| rng.signed_unit()).collect();
    Case { dtype, x, weights, bias, cols, outputs }
}

fn run(case: &Case, first: usize, rows: usize, with_bias: bool) -> Vec<f32> {
    let x = &case.x[first * case.cols..(first + rows) * case.cols];
    let mut act = vec![0u8; rows * row_bytes(case.cols)];
    let tiles = packed(case.dtype, &case.weights, case.outputs, case.cols);
    let mut out = vec![f32::NAN; rows * case.outputs];
    unsafe {
        quantize_rows(x.as_ptr(), act.as_mut_ptr(), rows, case.cols);
        linear(&[job(case, x, &act, &tiles, with_bias, &mut out)]);
    }
    out
}

fn job(case: &Case, x: &[f32], act: &[u8], tiles: &[u8], with_bias: bool, out: &mut [f32]) -> Linear {
    Linear {
        dtype: case.dtype,
        x: x.as_ptr(),
        act: act.as_ptr(),
        packed: tiles.as_ptr(),
        bias: if with_bias { case.bias.as_ptr() } else { core::ptr::null() },
        out: out.as_mut_ptr(),
        rows: x.len() / case.cols,
        cols: case.cols,
        outputs: case.outputs,
        x_width: case.cols,
        out_width: case.outputs,
    }
}

fn shapes(dtype: Dtype) -> [(usize, usize); 3] {
    match dtype.block().0 {
        1 => [(7, 41), (50, 64), (1, 77)],
        block => [(block, 13), (3 * block, 32), (block, 77)],
    }
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|v| v.to_bits()).collect()
}

#[test]
fn linear_equals_its_scalar_twin() {
    for dtype in Dtype::ALL {
        for (cols, outputs) in shapes(dtype) {
            for rows in [1, 2, 3, 4, 7] {
                for with_bias in [false, true] {
                    let case = case(dtype, rows, cols, outputs);
                    let bias = with_bias.then_some(case.bias.as_slice());
                    let twin = scalar::linear(dtype, &case.x, &case.weights, bias, cols).unwrap();
                    let got = run(&case, 0, rows, with_bias);
                    assert_eq!(bits(&got), bits(&twin), "{dtype:?} {rows} x {cols} x {outputs}");
                }
            }
        }
    }
}

#[test]
fn linear_of_a_part_of_wider_rows_equals_its_scalar_twin() {
    for dtype in Dtype::ALL.into_iter().filter(|dtype| dtype.is_quantized()) {
        let cols = dtype.block().0;
        for rows in [2, 3, 5] {
            let case = case(dtype, rows, cols, 64);
            let wide: Vec<f32> = case.x.chunks(cols).flat_map(|row| [row, row].concat()).collect();
            let mut act = vec![0u8; rows * row_bytes(2 * cols)];
            unsafe { quantize_rows(wide.as_ptr(), act.as_mut_ptr(), rows, 2 * cols) };
            let tiles = packed(dtype, &case.weights, case.outputs, cols);
            let mut out = vec![f32::NAN; rows * case.outputs];
            let part = &act[row_bytes(cols)..];
            let part = Linear { x_width: 2 * cols, ..job(&case, &case.x, part, &tiles, false, &mut out) };
            unsafe { linear(&[part]) };
            let twin = scalar::linear(dtype, &case.x, &case.weights, None, cols).unwrap();
            assert_eq!(bits(&out), bits(&twin), "{dtype:?} {rows}");
        }
    }
}

#[test]
fn linear_of_long_rows_equals_its_scalar_twin() {
    // More columns than levels are formed for at a time, more rows than the threshold of that.
    let (rows, cols, outputs) = (EXPANDING_ROWS + 3, STRETCH_BYTES / 8 + 256, 8);
    for dtype in Dtype::ALL.into_iter().filter(|dtype| dtype.is_quantized()) {
        let case = case(dtype, rows, cols, outputs);
        let twin = scalar::linear(dtype, &case.x, &case.weights, None, cols).unwrap();
        assert_eq!(bits(&run(&case, 0, rows, false)), bits(&twin), "{dtype:?}");
    }
}

#[test]
fn linear_of_more_weights_than_the_cache_keeps_equals_its_scalar_twin() {
    let (cols, outputs) = (16384, 75);
    for (dtype, rows) in [(Dtype::Q4_0, 1), (Dtype::Q8_0, 2), (Dtype::Q4K, 5)] {
        assert!(CACHED_BYTES < outputs * dtype.row_bytes(cols).unwrap());
        let case = case(dtype, rows, cols, outputs);
        let twin = scalar::linear(dtype, &case.x, &case.weights, None, cols).unwrap();
        assert_eq!(bits(&run(&case, 0, rows, false)), bits(&twin), "{dtype:?}");
    }
}

#[test]
fn products_side_by_side_equal_those_alone() {
    for rows in [1, PANEL + 3] {
        let cases = [(Dtype::Q4_0, 77), (Dtype::F16, 41), (Dtype::Q6K, 9)]
            .map(|(dtype, outputs)| case(dtype, rows, 256, outputs));
        let x = cases[0].x.clone();
        let mut act = vec![0u8; rows * row_bytes(256)];
        unsafe { quantize_rows(x.as_ptr(), act.as_mut_ptr(), rows, 256) };
        let tiles = cases.each_ref().map(|case| packed(case.dtype, &case.weights, case.outputs, 256));
        let fresh = || cases.each_ref().map(|case| vec![f32::NAN; rows * case.outputs]);
        let (mut together, mut alone) = (fresh(), fresh());
        let jobs = |outs: &mut [Vec<f32>; 3]| -> Vec<Linear> {
            let parts = cases.iter().zip(&tiles).zip(outs);
            parts.map(|((case, tiles), out)| job(case, &x, &act, tiles, true, out)).collect()
        };
        unsafe {
            linear(&jobs(&mut together));
            jobs(&mut alone).into_iter().for_each(|job| linear(&[job]));
        }
        assert_eq!(together.map(|out| bits(&out)), alone.map(|out| bits(&out)));
    }
}

#[test]
fn linear_gives_the_same_bits_however_the_dot_takes_bytes() {
    for kind in [ByteDot::SevenBits, ByteDot::Unsigned, ByteDot::Signed] {
        byte_dot::choose(kind);
        for rows in [1, 4, STREAMED_ROWS + 1] {
            let case = case(Dtype::Q8_0, rows, 96, 77);
            let twin = scalar::linear(Dtype::Q8_0, &case.x, &case.weights, None, 96).unwrap();
            assert_eq!(bits(&run(&case, 0, rows, false)), bits(&twin), "{kind:?} {rows}");
            let tiles = packed(Dtype::Q8_0, &case.weights, 77, 96);
            let (mut row, mut expected) = (vec![0f32; 96], vec![0f32; 77 * 96]);
            scalar::dequantize_row(Dtype::Q8_0, &case.weights, &mut expected);
            unsafe { unpack_row(Dtype::Q8_0, tiles.as_ptr(), 70, 96, row.as_mut_ptr()) };
            assert_eq!(bits(&row), bits(&expected[70 * 96..71 * 96]), "{kind:?}");
        }
    }
}

#[test]
fn linear_gives_a_row_alone_the_bits_it_has_among_many() {
    for dtype in Dtype::ALL {
        for (cols, outputs) in shapes(dtype) {
            let rows = PANEL + 37;
            let case = case(dtype, rows, cols, outputs);
            let all = run(&case, 0, rows, true);
            for row in [0, 1, 35, 36, 63, 64, 99, 100] {
                let alone = run(&case, row, 1, true);
                let among = &all[row * outputs..(row + 1) * outputs];
                assert_eq!(bits(&alone), bits(among), "{dtype:?} row {row}");
            }
            assert_eq!(bits(&run(&case, 0, 37, true)), bits(&all[..37 * outputs]));
        }
    }
}

#[test]
fn linear_is_near_the_product_of_dequantized_weights() {
    // Activations in int8 keep about 1 part in 250 a value; errors of a sum add up at random.
    const INT8_ACTIVATION_NMSE: f64 = 1e-4;
    for dtype in Dtype::ALL {
        let (rows, cols, outputs) = (3, 512, 16);
        let case = case(dtype, rows, cols, outputs);
        let mut weights = vec![0f32; cols * outputs];
        scalar::dequantize_row(dtype, &case.weights, &mut weights);
        let got = run(&case, 0, rows, false);
        let (mut error, mut power) = (0f64, 0f64);
        for (i, &got) in got.iter().enumerate() {
            let x = &case.x[i / outputs * cols..][..cols];
            let w = &weights[i % outputs * cols..][..cols];
            let exact: f64 = x.iter().zip(w).map(|(&x, &w)| f64::from(x) * f64::from(w)).sum();
            error += (f64::from(got) - exact).powi(2);
            power += exact.powi(2);
        }
        let limit = if dtype.is_quantized() { INT8_ACTIVATION_NMSE } else { 1e-12 };
        assert!(error / power < limit, "{dtype:?}: {}", error / power);
    }
}
