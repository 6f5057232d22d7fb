//! Tests of `experts`: near its twin, equal to plain products row by row bit for bit, whatever rows share a wave.

use super::*;
use crate::ops::elementwise::swiglu;
use crate::quant::activation::quantize_rows;
use crate::quant::tests::{packed, random_rows, Rng};

struct Case {
    dtypes: [Dtype; 3],
    /// Gate, up and down as a file holds them and packed, each expert from a tile on.
    stored: [Vec<u8>; 3],
    packed: [Vec<u8>; 3],
    x: Vec<f32>,
    ids: Vec<i32>,
    weights: Vec<f32>,
    rows: usize,
    used: usize,
    experts: usize,
    width: usize,
    hidden: usize,
}

/// A bank, and its packed form.
fn bank(rng: &mut Rng, dtype: Dtype, experts: usize, outputs: usize, cols: usize) -> (Vec<u8>, Vec<u8>) {
    let (mut stored, mut tiles) = (Vec::new(), Vec::new());
    for _ in 0..experts {
        let rows = random_rows(rng, dtype, outputs, cols);
        tiles.extend(packed(dtype, &rows, outputs, cols));
        stored.extend(rows);
    }
    (stored, tiles)
}

fn case(dtypes: [Dtype; 3], rows: usize, [used, experts, width, hidden]: [usize; 4]) -> Case {
    let mut rng = Rng::new((rows * 31 + width * hidden + dtypes[0] as usize) as u32);
    let (gate, gate_tiles) = bank(&mut rng, dtypes[0], experts, hidden, width);
    let (up, up_tiles) = bank(&mut rng, dtypes[1], experts, hidden, width);
    let (down, down_tiles) = bank(&mut rng, dtypes[2], experts, width, hidden);
    let x = (0..rows * width).map(|_| rng.signed_unit()).collect();
    let weights = (0..rows * used).map(|_| rng.signed_unit()).collect();
    let mut ids = Vec::new();
    for _ in 0..rows {
        // Half of all choices fall on a quarter of the experts.
        let mut row = Vec::new();
        while row.len() < used {
            let limit = if rng.next().is_multiple_of(2) { experts.div_ceil(4) } else { experts };
            let id = (rng.next() as usize % limit) as i32;
            if !row.contains(&id) {
                row.push(id);
            }
        }
        row.sort_unstable();
        ids.extend(row);
    }
    let (stored, packed) = ([gate, up, down], [gate_tiles, up_tiles, down_tiles]);
    Case { dtypes, stored, packed, x, ids, weights, rows, used, experts, width, hidden }
}

/// Runs some rows of a case, in waves of `places` places if that is given.
fn run(case: &Case, rows: Range<usize>, places: Option<usize>) -> Option<Vec<f32>> {
    run_adapted(case, rows, places, [BankAdapter::NONE; 3])
}

fn run_adapted(
    case: &Case,
    rows: Range<usize>,
    places: Option<usize>,
    adapters: [BankAdapter; 3],
) -> Option<Vec<f32>> {
    let x = &case.x[rows.start * case.width..];
    let mut act = vec![0u8; rows.len() * row_bytes(case.width)];
    unsafe { quantize_rows(x.as_ptr(), act.as_mut_ptr(), rows.len(), case.width) };
    let bank = |i: usize| Bank { dtype: case.dtypes[i], packed: case.packed[i].as_ptr() };
    let mut out = vec![f32::NAN; rows.len() * case.width];
    let mut job = Experts {
        gate: bank(0),
        up: bank(1),
        down: bank(2),
        adapters,
        x: x.as_ptr(),
        act: act.as_ptr(),
        ids: case.ids[rows.start * case.used..].as_ptr(),
        weights: case.weights[rows.start * case.used..].as_ptr(),
        room: core::ptr::null_mut(),
        out: out.as_mut_ptr(),
        rows: rows.len(),
        used: case.used,
        experts: case.experts,
        width: case.width,
        hidden: case.hidden,
    };
    let bytes = places.map_or(job.room_bytes(), |places| Room::new(&job, places.max(job.rows)).bytes);
    let mut room = vec![0xffu8; bytes];
    job.room = room.as_mut_ptr();
    let done = unsafe { places.map_or_else(|| experts(&job), |places| in_waves(&job, places)) };
    done.then_some(out)
}

/// The same by `linear` and `swiglu`, one row and expert after the other.
fn one_by_one(case: &Case) -> Vec<f32> {
    let Case { width, hidden, .. } = *case;
    let product = |which: usize, expert: usize, x: &[f32], outputs: usize| {
        let (dtype, cols) = (case.dtypes[which], x.len());
        let mut act = vec![0u8; row_bytes(cols)];
        let mut out = vec![f32::NAN; outputs];
        unsafe {
            quantize_rows(x.as_ptr(), act.as_mut_ptr(), 1, cols);
            let packed = case.packed[which].as_ptr().add(expert * dtype.packed_bytes(outputs, cols).unwrap());
            let (x, act, bias, out) = (x.as_ptr(), act.as_ptr(), core::ptr::null(), out.as_mut_ptr());
            linear(&[Linear { dtype, x, act, packed, bias, out, rows: 1, cols, outputs, x_width: cols, out_width: outputs }]);
        }
        out
    };
    let mut out = Vec::new();
    for row in 0..case.rows {
        let x = &case.x[row * width..(row + 1) * width];
        let mut sums = vec![0f32; width];
        for slot in row * case.used..(row + 1) * case.used {
            let expert = case.ids[slot] as usize;
            let (gate, up) = (product(0, expert, x, hidden), product(1, expert, x, hidden));
            let mut inner = vec![f32::NAN; hidden];
            unsafe { swiglu(gate.as_ptr(), up.as_ptr(), inner.as_mut_ptr(), hidden) };
            for (sum, part) in sums.iter_mut().zip(product(2, expert, &inner, width)) {
                *sum += case.weights[slot] * part; // native `madd` rounds twice
            }
        }
        out.extend(sums);
    }
    out
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|v| v.to_bits()).collect()
}

/// Widths and hidden sizes that exist in a format, some of them not whole tiles or vectors.
fn sizes(dtypes: [Dtype; 3]) -> Vec<[usize; 4]> {
    match dtypes.iter().map(|dtype| dtype.block().0).max() {
        Some(1) => vec![[2, 8, 37, 21], [3, 3, 8, 32]],
        Some(block) => vec![[2, 4, 2 * block, block], [3, 3, block, block]],
        None => Vec::new(),
    }
}

fn all_types() -> Vec<[Dtype; 3]> {
    let mixed = [
        [Dtype::Q4K, Dtype::Q4K, Dtype::Q6K],
        [Dtype::F32, Dtype::Q8_0, Dtype::Q4_0],
        [Dtype::Q5_0, Dtype::F16, Dtype::Bf16],
    ];
    Dtype::ALL.into_iter().map(|dtype| [dtype; 3]).chain(mixed).collect()
}

#[test]
fn experts_equal_plain_products_row_by_row_and_are_near_their_twin() {
    // The twin's exponential may turn the rounding of single int8 activations; none is turned here.
    const NMSE: f64 = 1e-10;
    let rows = 5;
    for dtypes in all_types() {
        for sizes in sizes(dtypes) {
            let case = case(dtypes, rows, sizes);
            let got = run(&case, 0..rows, None).unwrap();
            assert_eq!(bits(&got), bits(&one_by_one(&case)), "{dtypes:?} {sizes:?}");
            let [used, _, width, hidden] = sizes;
            assert_eq!(bits(&run(&case, 3..4, None).unwrap()), bits(&got[3 * width..4 * width]), "{dtypes:?} {sizes:?}");
            let banks = core::array::from_fn(|i| StoredBank { dtype: dtypes[i], bytes: &case.stored[i] });
            let twin = experts_scalar(banks, &case.x, &case.ids, &case.weights, used, width, hidden).unwrap();
            let error: f64 = got.iter().zip(&twin).map(|(a, b)| f64::from(a - b).powi(2)).sum();
            let power: f64 = twin.iter().map(|b| f64::from(*b).powi(2)).sum();
            assert!(error <= NMSE * power, "{dtypes:?} {sizes:?}: {}", error / power);
        }
    }
}

#[test]
fn rows_and_waves_change_no_bits() {
    for dtype in [Dtype::Q4_0, Dtype::Q4K, Dtype::Q8_0, Dtype::F16] {
        let rows = 100;
        let (width, hidden) = if dtype == Dtype::Q4K { (256, 256) } else { (64, 32) };
        let case = case([dtype; 3], rows, [3, 5, width, hidden]);
        let all = run(&case, 0..rows, None).unwrap();
        for places in [0, 60, rows, 2 * rows, 3 * rows] {
            assert_eq!(bits(&run(&case, 0..rows, Some(places)).unwrap()), bits(&all), "{dtype:?} {places}");
        }
        for part in [0..1, 77..78, 99..100, 0..64, 40..100] {
            let got = run(&case, part.clone(), None).unwrap();
            assert_eq!(bits(&got), bits(&all[part.start * width..part.end * width]), "{dtype:?} {part:?}");
        }
    }
}

#[test]
fn a_row_of_more_than_a_strip_is_combined_whole() {
    let case = case([Dtype::F32; 3], 3, [2, 4, STRIP + 7, 2]);
    assert_eq!(bits(&run(&case, 0..3, None).unwrap()), bits(&one_by_one(&case)));
}

#[test]
fn ids_that_do_not_fit_are_refused_and_nothing_is_written() {
    for wrong in [[1, 1], [2, 1], [-1, 2], [3, 4]] {
        let mut case = case([Dtype::F32; 3], 2, [2, 4, 8, 8]);
        case.ids[2..].copy_from_slice(&wrong);
        assert_eq!(run(&case, 0..2, None), None, "{wrong:?}");
    }
}

#[test]
fn grouping_puts_every_slot_in_one_place() {
    let ids = [0, 3, 1, 3, 0, 1, 3, 5];
    let grouping = Grouping::new(&ids, 2, 6).unwrap();
    assert_eq!(grouping.rows, [0, 2, 1, 2, 0, 1, 3, 3]);
    assert_eq!(grouping.place_of, [0, 4, 2, 5, 1, 3, 6, 7]);
    assert_eq!((grouping.places(2), grouping.places(5)), (4..4, 7..8));
    assert_eq!(grouping.wave(0, 3), Some(0..1));
    assert_eq!(grouping.wave(0, 4), Some(0..3));
    assert_eq!(grouping.wave(3, 1), Some(3..4));
    assert_eq!(grouping.wave(3, 4), Some(3..6));
    assert_eq!(grouping.wave(6, 4), None);
    assert!(Grouping::new(&[1, 6], 2, 6).is_none());
}

/// What adapters change is what weights change that have them merged in.
#[test]
fn adapters_give_what_merged_weights_give() {
    let (used, experts_count, width, hidden, rank) = (2, 5, 24, 12, 3);
    let plain = case([Dtype::F32; 3], 40, [used, experts_count, width, hidden]);
    let mut rng = Rng::new(11);
    let mut merged = case([Dtype::F32; 3], 40, [used, experts_count, width, hidden]);
    let mut adapters = [BankAdapter::NONE; 3];
    let mut kept = Vec::new();
    for (part, [outputs, cols]) in [[hidden, width], [hidden, width], [width, hidden]].into_iter().enumerate() {
        let mut numbers = |n: usize| -> Vec<f32> { (0..n).map(|_| rng.signed_unit()).collect() };
        let (a, b) = (numbers(experts_count * rank * cols), numbers(experts_count * outputs * rank));
        let mut weights: Vec<f32> = plain.stored[part].chunks(4).map(|word| f32::from_le_bytes(word.try_into().unwrap())).collect();
        for (i, weight) in weights.iter_mut().enumerate() {
            let (row, col) = (i / cols, i % cols);
            let first = row / outputs * rank;
            *weight += 0.5 * (0..rank).map(|r| b[row * rank + r] * a[(first + r) * cols + col]).sum::<f32>();
        }
        let tiles = |values: &[f32], outputs: usize, cols: usize| -> Vec<u8> {
            let experts = values.chunks(outputs * cols);
            let bytes = experts.map(|own| own.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>());
            bytes.flat_map(|own| packed(Dtype::F32, &own, outputs, cols)).collect()
        };
        merged.packed[part] = tiles(&weights, outputs, cols);
        kept.push([tiles(&a, rank, cols), tiles(&b, outputs, rank)]);
        let [a, b] = &kept[part];
        adapters[part] = BankAdapter { a: a.as_ptr(), b: b.as_ptr(), rank, scale: 0.5 };
    }
    let wanted = run(&merged, 0..40, None).unwrap();
    for places in [None, Some(1), Some(7)] {
        let own = run_adapted(&plain, 0..40, places, adapters).unwrap();
        assert!(own.iter().zip(&wanted).all(|(a, b)| (a - b).abs() <= 1e-3), "{places:?}");
        let whole = run_adapted(&plain, 0..40, None, adapters).unwrap();
        assert!(own.iter().zip(&whole).all(|(a, b)| a.to_bits() == b.to_bits()), "{places:?}");
    }
    let last = run_adapted(&plain, 39..40, None, adapters).unwrap();
    let whole = run_adapted(&plain, 0..40, None, adapters).unwrap();
    assert!(last.iter().zip(&whole[39 * width..]).all(|(a, b)| a.to_bits() == b.to_bits()));
}
