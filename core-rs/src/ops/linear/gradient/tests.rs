//! Tests of the backward passes of `linear`: near the twins, which agree with finite differences; same bits for rows in parts.

use super::*;
use crate::ops::embed::unpack_row;
use crate::quant::tests::{packed, random_rows, Rng};
use crate::slopes::{assert_near, bits, slopes, weighted, wide};

/// Rounding of f32 chains of some hundred terms of size 1.
const TOLERANCE: f32 = 2e-5;

fn numbers(rng: &mut Rng, n: usize) -> Vec<f32> {
    (0..n).map(|_| rng.signed_unit()).collect()
}

fn run_input(dtype: Dtype, tiles: &[u8], d: &[f32], outputs: usize, cols: usize, before: Option<&[f32]>) -> Vec<f32> {
    let rows = d.len() / outputs;
    let mut out = before.map_or(vec![f32::NAN; rows * cols], <[f32]>::to_vec);
    let job = InputGradient {
        dtype,
        packed: tiles.as_ptr(),
        d: d.as_ptr(),
        out: out.as_mut_ptr(),
        rows,
        cols,
        outputs,
        d_width: outputs,
        out_width: cols,
        adds: before.is_some(),
    };
    unsafe { input_gradient(&job) };
    out
}

#[test]
fn input_gradient_is_near_its_twin_and_rows_are_by_themselves() {
    for dtype in Dtype::ALL {
        let block = dtype.block().0;
        for (rows, outputs, cols) in [(1, 1, block), (5, 13, block * if block == 1 { 7 } else { 1 }), (29, 301, block.max(40) * 2)] {
            let cols = cols.next_multiple_of(block);
            let mut rng = Rng::new((rows * outputs + cols) as u32);
            let tiles = packed(dtype, &random_rows(&mut rng, dtype, outputs, cols), outputs, cols);
            let mut weights = vec![0.0; outputs * cols];
            for (row, to) in weights.chunks_mut(cols).enumerate() {
                unsafe { unpack_row(dtype, tiles.as_ptr(), row, cols, to.as_mut_ptr()) };
            }
            let d = numbers(&mut rng, rows * outputs);
            let got = run_input(dtype, &tiles, &d, outputs, cols, None);
            let most = weights.iter().fold(1.0f32, |most, w| most.max(w.abs()));
            for (i, (a, b)) in got.iter().zip(input_gradient_scalar(&d, &weights, cols)).enumerate() {
                assert!((a - b).abs() <= TOLERANCE * most, "{dtype:?} {rows} x {outputs} x {cols} at {i}: {a} {b}");
            }
            let last = run_input(dtype, &tiles, &d[(rows - 1) * outputs..], outputs, cols, None);
            assert_eq!(bits(&last), bits(&got[(rows - 1) * cols..]), "{dtype:?}");
        }
    }
}

#[test]
fn input_gradient_goes_on_from_what_is_there() {
    let (rows, outputs, cols) = (7, 24, 10);
    let mut rng = Rng::new(5);
    let tiles = packed(Dtype::F32, &random_rows(&mut rng, Dtype::F32, outputs, cols), outputs, cols);
    let d = numbers(&mut rng, rows * outputs);
    let half = |first: usize| -> Vec<f32> { d.chunks(outputs).flat_map(|row| &row[first..first + 16]).copied().collect() };
    let whole = run_input(Dtype::F32, &tiles, &d, outputs, cols, None);
    let first = run_input(Dtype::F32, &tiles, &half(0), 16, cols, None);
    let rest: Vec<f32> = d.chunks(outputs).flat_map(|row| &row[16..]).copied().collect();
    let both = run_input(Dtype::F32, &tiles[2 * 8 * cols * 4..], &rest, 8, cols, Some(&first));
    assert_eq!(bits(&both), bits(&whole));
}

/// The gradient's numbers row-major.
fn weight_rows(into: &[f32], outputs: usize, cols: usize) -> Vec<f32> {
    let at = |n: usize, col: usize| into[n / TILE * TILE * cols + col * TILE + n % TILE];
    (0..outputs).flat_map(|n| (0..cols).map(move |col| at(n, col))).collect()
}

fn add_weights(into: &mut [f32], d: &[f32], x: &[f32], outputs: usize, cols: usize) {
    let job = WeightGradient {
        d: d.as_ptr(),
        x: x.as_ptr(),
        into: into.as_mut_ptr(),
        rows: d.len() / outputs,
        cols,
        outputs,
        d_width: outputs,
        x_width: cols,
    };
    unsafe { weight_gradient(&job) };
}

#[test]
fn weight_gradient_is_near_its_twin_and_parts_of_the_rows_give_the_same_bits() {
    for (rows, outputs, cols) in [(1, 1, 1), (3, 8, 6), (70, 13, 29), (600, 17, 40)] {
        let mut rng = Rng::new(rows as u32);
        let (d, x) = (numbers(&mut rng, rows * outputs), numbers(&mut rng, rows * cols));
        let size = outputs.next_multiple_of(TILE) * cols;
        let mut whole = vec![0.0; size];
        add_weights(&mut whole, &d, &x, outputs, cols);
        let twin = weight_gradient_scalar(&d, &x, outputs, cols);
        for (a, b) in weight_rows(&whole, outputs, cols).iter().zip(twin) {
            assert!((a - b).abs() <= TOLERANCE, "{rows} x {outputs} x {cols}: {a} {b}");
        }
        for cut in [rows / 3, rows / 2] {
            let mut parts = vec![0.0; size];
            add_weights(&mut parts, &d[..cut * outputs], &x[..cut * cols], outputs, cols);
            add_weights(&mut parts, &d[cut * outputs..], &x[cut * cols..], outputs, cols);
            assert_eq!(bits(&parts), bits(&whole), "{rows} cut at {cut}");
        }
    }
}

#[test]
fn the_twins_are_the_slopes_of_the_product() {
    let (rows, outputs, cols) = (3, 4, 5);
    let mut rng = Rng::new(9);
    let (d, x, w) = (numbers(&mut rng, rows * outputs), numbers(&mut rng, rows * cols), numbers(&mut rng, outputs * cols));
    let loss = |x: &[f64], w: &[f64]| {
        let sum = |row: &[f64], w: &[f64]| row.iter().zip(w).map(|(x, w)| x * w).sum();
        let y: Vec<f64> = x.chunks(cols).flat_map(|row| w.chunks(cols).map(move |w| sum(row, w))).collect();
        weighted(&d, &y)
    };
    assert_near(&input_gradient_scalar(&d, &w, cols), &slopes(&x, |x| loss(x, &wide(&w))), 1e-6, "x");
    assert_near(&weight_gradient_scalar(&d, &x, outputs, cols), &slopes(&w, |w| loss(&wide(&x), w)), 1e-6, "weights");
}
