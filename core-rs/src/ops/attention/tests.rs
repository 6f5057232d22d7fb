//! Tests of `attend`: near its twin, and the same bits in chunks over pages that are full of NaN.

use super::*;
use crate::half::{f16_to_f32, f32_to_f16};
use crate::quant::tests::Rng;

struct Case {
    shape: Shape,
    q: Vec<f32>,
    k: Vec<f32>,
    v: Vec<f32>,
}

fn case(rows: usize, key_size: usize, value_size: usize, heads: usize, kv_heads: usize) -> Case {
    let scale = 1.0 / (key_size as f32).sqrt();
    let shape = Shape { rows, heads, kv_heads, key_size, value_size, scale, layer_offset: 64 };
    let mut rng = Rng::new((rows * 1000 + key_size * 10 + value_size) as u32);
    let mut numbers = |n: usize| (0..rows * n).map(|_| 2.0 * rng.signed_unit()).collect();
    Case { shape, q: numbers(heads * key_size), k: numbers(kv_heads * key_size), v: numbers(kv_heads * value_size) }
}

/// Attends in chunks of rows over freshly made pages that are full of NaN.
fn attend_in_chunks<P: Pages>(case: &Case, chunk: usize) -> Vec<f32> {
    let shape = case.shape;
    let page_bytes = shape.layer_offset + shape.kv_heads * shape.head_bytes::<P>()[1];
    let mut pages: Vec<Vec<u8>> = (0..shape.rows.div_ceil(BLOCK)).map(|_| vec![0xff; page_bytes]).collect();
    let table: Vec<usize> = pages.iter_mut().map(|p| p.as_mut_ptr() as usize).collect();
    let mut out = vec![f32::NAN; shape.rows * shape.heads * shape.value_size];
    for start in (0..shape.rows).step_by(chunk) {
        let n = chunk.min(shape.rows - start);
        let positions: Vec<i32> = (start..start + n).map(|p| p as i32).collect();
        let tables = vec![table.as_ptr() as usize; n];
        let rows = Rows { positions: positions.as_ptr(), tables: tables.as_ptr() };
        let at = |x: &[f32], width: usize| unsafe { x.as_ptr().add(start * width) };
        unsafe {
            attend::<P>(
                at(&case.q, shape.heads * shape.key_size),
                at(&case.k, shape.kv_heads * shape.key_size),
                at(&case.v, shape.kv_heads * shape.value_size),
                out.as_mut_ptr().add(start * shape.heads * shape.value_size),
                rows,
                Shape { rows: n, ..shape },
            );
        }
    }
    out
}

/// The twin over keys and values as pages of the format hold them.
fn twin(case: &Case, stored: fn(&[f32]) -> Vec<f32>) -> Vec<f32> {
    attend_scalar(&case.q, &stored(&case.k), &stored(&case.v), case.shape)
}

fn as_f16(x: &[f32]) -> Vec<f32> {
    x.iter().map(|v| f16_to_f32(f32_to_f16(*v))).collect()
}

/// Heads are whole blocks of 32 numbers, so heads one after the other are too.
fn as_q8_0(x: &[f32]) -> Vec<f32> {
    let block = |x: &[f32]| -> Vec<f32> {
        let largest = x.iter().fold(0.0f32, |most, v| most.max(v.abs()));
        let scale = f16_to_f32(f32_to_f16(largest / 127.0));
        let inverse = if scale > 0.0 { 1.0 / scale } else { 0.0 };
        x.iter().map(|v| (v * inverse).round_ties_even().clamp(-127.0, 127.0) * scale).collect()
    };
    x.chunks(32).flat_map(block).collect()
}

fn assert_near(got: &[f32], want: &[f32], what: &str) {
    for (i, (a, b)) in got.iter().zip(want).enumerate() {
        // Values are up to 2; a sum's rounding is a few units of 2^-24.
        assert!((a - b).abs() <= 2e-6, "{what} at {i}: {a} {b}");
    }
}

#[test]
fn attend_matches_its_twin() {
    let sizes = [(1, 4), (2, 8), (3, 4), (5, 12), (7, 32), (8, 36), (15, 4), (16, 64), (17, 68), (31, 20), (33, 96)];
    for rows in [1usize, 2, 3, 5, 7, 15, 16, 17, 31, 32, 33, 64, 65] {
        for (i, (key_size, value_size)) in sizes.into_iter().enumerate() {
            let (heads, kv_heads) = [(1, 1), (3, 1), (4, 2)][i % 3];
            let case = case(rows, key_size, value_size, heads, kv_heads);
            let what = format!("{rows} rows, heads of {key_size} and {value_size}, {heads} over {kv_heads}");
            assert_near(&attend_in_chunks::<F32Pages>(&case, rows), &twin(&case, <[f32]>::to_vec), &what);
            assert_near(&attend_in_chunks::<F16Pages>(&case, rows), &twin(&case, as_f16), &what);
        }
        for (key_size, value_size, heads, kv_heads) in [(32, 32, 7, 1), (64, 32, 4, 2), (96, 160, 3, 3)] {
            let case = case(rows, key_size, value_size, heads, kv_heads);
            let what = format!("{rows} rows, Q8_0 heads of {key_size} and {value_size}");
            assert_near(&attend_in_chunks::<Q8Pages>(&case, rows), &twin(&case, as_q8_0), &what);
        }
    }
}

/// Heads beyond a slice of the kernel's room, and strips of fewer queries. Scores are sums of 576 products here.
#[test]
fn attend_of_large_heads_matches_its_twin() {
    let case = case(35, 576, 544, 6, 2);
    let near = |got: Vec<f32>, want: Vec<f32>| got.iter().zip(&want).all(|(a, b)| (a - b).abs() <= 1e-5);
    assert!(near(attend_in_chunks::<F32Pages>(&case, 35), twin(&case, <[f32]>::to_vec)));
    assert!(near(attend_in_chunks::<F16Pages>(&case, 35), twin(&case, as_f16)));
    assert!(near(attend_in_chunks::<Q8Pages>(&case, 35), twin(&case, as_q8_0)));
}

fn assert_same_in_chunks<P: Pages>(case: &Case) {
    let whole = attend_in_chunks::<P>(case, case.shape.rows);
    for chunk in [1, 7, 32, 33] {
        assert_eq!(attend_in_chunks::<P>(case, chunk), whole);
    }
}

#[test]
fn attend_gives_the_same_bits_in_chunks() {
    assert_same_in_chunks::<F32Pages>(&case(70, 10, 36, 4, 2));
    assert_same_in_chunks::<F16Pages>(&case(70, 10, 36, 4, 2));
    assert_same_in_chunks::<Q8Pages>(&case(70, 64, 32, 6, 2));
    assert_same_in_chunks::<Q8Pages>(&case(40, 192, 256, 3, 1));
}

/// Numbers whose scale is nothing, tiny or too large.
#[test]
fn q8_pages_hold_odd_numbers() {
    let attended = |value: f32| {
        let mut case = case(1, 32, 32, 1, 1);
        case.v.fill(value);
        (attend_in_chunks::<Q8Pages>(&case, 1)[0], as_q8_0(&case.v)[0])
    };
    for value in [0.0, 1.0, -3e-5, 1e-6, 1e-9, 8e6] {
        let (got, want) = attended(value);
        assert_eq!(got, want, "{value}");
    }
    // f16's numbers end at 2^-24, which is the error that remains.
    assert!((attended(1e-5).0 - 1e-5).abs() < 127.0 * 2f32.powi(-25) && attended(1e-9).0 == 0.0);
    for value in [9e6, 1e30, f32::INFINITY] {
        assert_eq!((attended(value).0, attended(-value).0), (127.0 * 65504.0, -127.0 * 65504.0), "{value}");
    }
    assert!(attended(f32::NAN).0.is_nan());
}

/// Rows of several sequences in one call, as in a batch: a strip must not mix their pages.
#[test]
fn attend_keeps_sequences_apart() {
    let shape = case(1, 8, 12, 4, 2).shape;
    let parts: Vec<Case> = [1usize, 3, 33, 2].into_iter().map(|rows| case(rows, 8, 12, 4, 2)).collect();
    let mut want = Vec::new();
    let (mut q, mut k, mut v) = (Vec::new(), Vec::new(), Vec::new());
    let (mut positions, mut tables) = (Vec::new(), Vec::new());
    let page_bytes = shape.layer_offset + shape.kv_heads * shape.head_bytes::<F32Pages>()[1];
    let mut pages: Vec<Vec<u8>> = (0..8).map(|_| vec![0xff; page_bytes]).collect();
    let lists: Vec<[usize; 2]> = pages.chunks_mut(2).map(|two| [two[0].as_mut_ptr() as usize, two[1].as_mut_ptr() as usize]).collect();
    for (part, list) in parts.iter().zip(&lists) {
        want.extend(attend_in_chunks::<F32Pages>(part, part.shape.rows));
        q.extend_from_slice(&part.q);
        k.extend_from_slice(&part.k);
        v.extend_from_slice(&part.v);
        positions.extend(0..part.shape.rows as i32);
        tables.extend(vec![list.as_ptr() as usize; part.shape.rows]);
    }
    let rows = positions.len();
    let mut out = vec![f32::NAN; rows * shape.heads * shape.value_size];
    let places = Rows { positions: positions.as_ptr(), tables: tables.as_ptr() };
    unsafe { attend::<F32Pages>(q.as_ptr(), k.as_ptr(), v.as_ptr(), out.as_mut_ptr(), places, Shape { rows, ..shape }) };
    assert_eq!(out, want);
}
