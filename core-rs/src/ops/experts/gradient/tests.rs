//! Tests of the backward pass of `experts`: near the twin, whose numbers are slopes; same bits for rows in parts.

use super::*;
use crate::dtype::Dtype;
use crate::ops::embed::unpack_row;
use crate::quant::tests::{packed, random_rows, Rng};
use crate::slopes::{assert_near, bits, slopes, weighted, wide};

const EXPERTS: usize = 5;
const USED: usize = 2;

struct Case {
    dtypes: [Dtype; 3],
    packed: [Vec<u8>; 3],
    /// Of each bank the values of each expert, row-major.
    values: [Vec<Vec<f32>>; 3],
    d: Vec<f32>,
    x: Vec<f32>,
    ids: Vec<i32>,
    weights: Vec<f32>,
    width: usize,
    hidden: usize,
}

fn case(dtypes: [Dtype; 3], rows: usize, width: usize, hidden: usize) -> Case {
    let mut rng = Rng::new((rows + width + hidden) as u32);
    let sizes = [[hidden, width], [hidden, width], [width, hidden]];
    let mut values = [const { Vec::new() }; 3];
    let mut tiles = [const { Vec::new() }; 3];
    for bank in 0..3 {
        let [outputs, cols] = sizes[bank];
        for _ in 0..EXPERTS {
            let own = packed(dtypes[bank], &random_rows(&mut rng, dtypes[bank], outputs, cols), outputs, cols);
            let mut dequantized = vec![0.0f32; outputs * cols];
            for (row, to) in dequantized.chunks_mut(cols).enumerate() {
                unsafe { unpack_row(dtypes[bank], own.as_ptr(), row, cols, to.as_mut_ptr()) };
            }
            values[bank].push(dequantized);
            tiles[bank].extend(own);
        }
    }
    let mut numbers = |n: usize| -> Vec<f32> { (0..n).map(|_| rng.signed_unit()).collect() };
    let (d, x, weights) = (numbers(rows * width), numbers(rows * width), numbers(rows * USED));
    // Expert 3 has no rows, expert 0 has most.
    let ids = (0..rows).flat_map(|row| [[0, 1], [0, 4], [0, 2], [1, 2]][row % 4]).collect();
    Case { dtypes, packed: tiles, values, d, x, ids, weights, width, hidden }
}

struct Gradients {
    x: Vec<f32>,
    weights: Vec<f32>,
    banks: [Vec<f32>; 3],
}

fn empty(case: &Case) -> [Vec<f32>; 3] {
    let size = |outputs: usize, cols: usize| vec![0.0; EXPERTS * outputs.next_multiple_of(8) * cols];
    let up = size(case.hidden, case.width);
    [up.clone(), up, size(case.width, case.hidden)]
}

/// Adds the gradients of rows `first..first + rows`.
fn run(case: &Case, first: usize, rows: usize, mut banks: [Vec<f32>; 3]) -> Gradients {
    let Case { width, hidden, .. } = *case;
    let bank = |i: usize| Bank { dtype: case.dtypes[i], packed: case.packed[i].as_ptr() };
    let mut room = vec![0u8; room_bytes(rows, width, hidden, [0; 3]) + 64];
    let (mut x, mut weights) = (vec![f32::NAN; rows * width], vec![f32::NAN; rows * USED]);
    let job = ExpertsGradient {
        gate: bank(0),
        up: bank(1),
        down: bank(2),
        d: case.d[first * width..].as_ptr(),
        x: case.x[first * width..].as_ptr(),
        ids: case.ids[first * USED..].as_ptr(),
        weights: case.weights[first * USED..].as_ptr(),
        d_x: x.as_mut_ptr(),
        d_weights: weights.as_mut_ptr(),
        adapters: [BankAdapter::NONE; 3],
        adapters_into: [[core::ptr::null_mut(); 2]; 3],
        into: banks.each_mut().map(|bank| bank.as_mut_ptr()),
        room: room.as_mut_ptr().wrapping_add(room.as_ptr().align_offset(64)),
        rows,
        used: USED,
        experts: EXPERTS,
        width,
        hidden,
    };
    assert!(unsafe { experts_gradient(&job) });
    Gradients { x, weights, banks }
}

/// A bank's gradient row-major, expert after expert.
fn bank_rows(packed: &[f32], outputs: usize, cols: usize) -> Vec<f32> {
    let size = outputs.next_multiple_of(8) * cols;
    let at = |expert: usize, n: usize, c: usize| packed[expert * size + n / 8 * 8 * cols + c * 8 + n % 8];
    let rows = (0..EXPERTS).flat_map(|expert| (0..outputs).map(move |n| (expert, n)));
    rows.flat_map(|(expert, n)| (0..cols).map(move |c| at(expert, n, c))).collect()
}

#[test]
fn gradients_match_their_twin_for_floats() {
    for (rows, width, hidden) in [(1, 3, 5), (7, 12, 9), (700, 10, 14)] {
        check(&case([Dtype::F32; 3], rows, width, hidden), 1e-5);
    }
    check(&case([Dtype::F16, Dtype::F32, Dtype::Bf16], 9, 8, 8), 1e-5);
}

#[test]
fn gradients_go_straight_through_quantized_weights() {
    // Gate and up are the forward's, with activations of 8 bits.
    check(&case([Dtype::Q8_0, Dtype::Q4_0, Dtype::Q8_0], 40, 64, 32), 2e-2);
}

fn check(case: &Case, tolerance: f64) {
    let Case { width, hidden, .. } = *case;
    let rows = case.x.len() / width;
    let got = run(case, 0, rows, empty(case));
    let (mut x, mut weights) = (vec![0.0f64; rows * width], Vec::new());
    let mut banks = [0, 1, 2].map(|_| vec![0.0f64; EXPERTS * width * hidden]);
    for (slot, (id, weight)) in case.ids.iter().zip(&case.weights).enumerate() {
        let own = slot / USED * width..(slot / USED + 1) * width;
        let values = [0, 1, 2].map(|bank| case.values[bank][*id as usize].as_slice());
        let twin = expert_gradient_scalar(values, &case.d[own.clone()], &case.x[own.clone()], *weight);
        x[own].iter_mut().zip(&twin.x).for_each(|(sum, part)| *sum += part);
        weights.push(twin.weight);
        for (bank, part) in banks.iter_mut().zip(&twin.matrices) {
            let at = *id as usize * width * hidden;
            bank[at..at + width * hidden].iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
        }
    }
    assert_near(&got.x, &x, tolerance, "x");
    assert_near(&got.weights, &weights, tolerance, "weights");
    for (i, [outputs, cols]) in [[hidden, width], [hidden, width], [width, hidden]].into_iter().enumerate() {
        assert_near(&bank_rows(&got.banks[i], outputs, cols), &banks[i], tolerance, "bank");
    }
}

#[test]
fn rows_in_parts_give_the_same_bits() {
    for dtypes in [[Dtype::F32; 3], [Dtype::Q8_0; 3]] {
        let case = case(dtypes, 90, 32, 64);
        let whole = run(&case, 0, 90, empty(&case));
        let first = run(&case, 0, 41, empty(&case));
        let second = run(&case, 41, 49, first.banks);
        assert_eq!(bits(&[first.x, second.x].concat()), bits(&whole.x));
        assert_eq!(bits(&[first.weights, second.weights].concat()), bits(&whole.weights));
        for (parts, whole) in second.banks.iter().zip(&whole.banks) {
            assert_eq!(bits(parts), bits(whole));
        }
    }
}

#[test]
fn the_twin_gives_the_slopes_of_an_expert() {
    let case = case([Dtype::F32; 3], 1, 4, 3);
    let Case { width, hidden, .. } = case;
    let matrices = [0, 1, 2].map(|bank| &case.values[bank][0]);
    let (d, x, weight) = (&case.d, &case.x, case.weights[0]);
    let loss = |[gate, up, down]: [&[f64]; 3], x: &[f64], weight: f64| {
        let product = |w: &[f64], x: &[f64]| -> Vec<f64> { w.chunks(x.len()).map(|row| row.iter().zip(x).map(|(w, x)| w * x).sum()).collect() };
        let own: Vec<f64> = product(gate, x).iter().zip(product(up, x)).map(|(g, u)| g / (1.0 + (-g).exp()) * u).collect();
        weighted(d, &product(down, &own).iter().map(|y| y * weight).collect::<Vec<f64>>())
    };
    assert_eq!(matrices[2].len(), width * hidden);
    let twin = expert_gradient_scalar(matrices.map(|m| m.as_slice()), d, x, weight);
    let [gate, up, down] = matrices.map(|matrix| wide(matrix));
    let all = [gate.as_slice(), up.as_slice(), down.as_slice()];
    let narrow = |x: &[f64]| -> Vec<f32> { x.iter().map(|x| *x as f32).collect() };
    assert_near(&narrow(&twin.x), &slopes(x, |x| loss(all, x, weight as f64)), 1e-6, "x");
    assert_near(&[twin.weight as f32], &slopes(&[weight], |weight| loss(all, &wide(x), weight[0])), 1e-6, "weight");
    for bank in 0..3 {
        let by = slopes(matrices[bank], |matrix| {
            let mut moved = all;
            moved[bank] = matrix;
            loss(moved, &wide(x), weight as f64)
        });
        assert_near(&narrow(&twin.matrices[bank]), &by, 1e-6, "bank");
    }
}
