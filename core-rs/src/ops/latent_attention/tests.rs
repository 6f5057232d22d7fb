//! Tests of `latent_attend`: near its twin, the bits of `attend` over the same keys and values, and the same bits in chunks.

use super::super::attention::{attend, F16Pages, F32Pages, Q8Pages, BLOCK, MAX_HEAD};
use super::*;
use crate::quant::tests::Rng;

struct Case {
    shape: LatentShape,
    q: Vec<f32>,
    latent: Vec<f32>,
}

fn case(rows: usize, rank: usize, rotary_size: usize, heads: usize) -> Case {
    let scale = 1.0 / ((rank + rotary_size) as f32).sqrt();
    let shape = LatentShape { rows, heads, rank, rotary_size, scale, layer_offset: 64 };
    let mut rng = Rng::new((rows * 1000 + rank * 10 + heads) as u32);
    let mut numbers = |n: usize| (0..n).map(|_| 2.0 * rng.signed_unit()).collect();
    Case { shape, q: numbers(rows * heads * shape.key_size()), latent: numbers(rows * shape.key_size()) }
}

/// Pages full of NaN and the list of their addresses.
fn fresh_pages(rows: usize, bytes: usize) -> (Vec<Vec<u8>>, Vec<usize>) {
    let mut pages: Vec<Vec<u8>> = (0..rows.div_ceil(BLOCK)).map(|_| vec![0xff; bytes]).collect();
    let table = pages.iter_mut().map(|page| page.as_mut_ptr() as usize).collect();
    (pages, table)
}

fn page_bytes<P: Pages>(shape: &LatentShape) -> usize {
    shape.layer_offset + BLOCK * shape.key_size() / P::BLOCK * P::BLOCK_BYTES
}

/// Attends in chunks of rows.
fn attend_in_chunks<P: Pages>(case: &Case, chunk: usize) -> Vec<f32> {
    let shape = case.shape;
    let (_pages, table) = fresh_pages(shape.rows, page_bytes::<P>(&shape));
    let mut out = vec![f32::NAN; shape.rows * shape.heads * shape.rank];
    for start in (0..shape.rows).step_by(chunk) {
        let n = chunk.min(shape.rows - start);
        let positions: Vec<i32> = (start..start + n).map(|p| p as i32).collect();
        let tables = vec![table.as_ptr() as usize; n];
        let rows = Rows { positions: positions.as_ptr(), tables: tables.as_ptr() };
        let q = &case.q[start * shape.heads * shape.key_size()..];
        let latent = &case.latent[start * shape.key_size()..];
        let out = &mut out[start * shape.heads * shape.rank..];
        unsafe { latent_attend::<P>(q.as_ptr(), latent.as_ptr(), out.as_mut_ptr(), rows, LatentShape { rows: n, ..shape }) };
    }
    out
}

/// `attend` over keys and values that are written twice.
fn attend_apart<P: Pages>(case: &Case) -> Vec<f32> {
    let shape = case.shape;
    let (_pages, table) = fresh_pages(shape.rows, 2 * page_bytes::<P>(&shape));
    let values: Vec<f32> = case.latent.chunks(shape.key_size()).flat_map(|key| &key[..shape.rank]).copied().collect();
    let positions: Vec<i32> = (0..shape.rows as i32).collect();
    let tables = vec![table.as_ptr() as usize; shape.rows];
    let rows = Rows { positions: positions.as_ptr(), tables: tables.as_ptr() };
    let mut out = vec![f32::NAN; shape.rows * shape.heads * shape.rank];
    let (q, k) = (case.q.as_ptr(), case.latent.as_ptr());
    unsafe { attend::<P>(q, k, values.as_ptr(), out.as_mut_ptr(), rows, shape.attention(shape.rank)) };
    out
}

#[test]
fn latent_attend_matches_its_twin() {
    for rows in [1usize, 2, 3, 17, 31, 32, 33, 65] {
        for (rank, rotary_size, heads) in [(1, 2, 1), (6, 4, 3), (4, 2, 16), (30, 6, 7), (64, 16, 4), (512, 64, 2)] {
            let case = case(rows, rank, rotary_size, heads);
            let got = attend_in_chunks::<F32Pages>(&case, rows);
            let want = latent_attend_scalar(&case.q, &case.latent, case.shape);
            for (i, (a, b)) in got.iter().zip(&want).enumerate() {
                // As `attend`: values are up to 2; of 576 products a score has more rounding.
                let limit = if rank == 512 { 1e-5 } else { 2e-6 };
                assert!((a - b).abs() <= limit, "{rows} rows, rank {rank}, {heads} heads at {i}: {a} {b}");
            }
        }
    }
}

#[test]
fn latent_attend_gives_the_bits_of_attend() {
    for rows in [1usize, 5, 33] {
        for (rank, rotary_size, heads) in [(4, 3, 5), (128, 32, 9), (160, 32, 50), (512, 64, 3)] {
            let case = case(rows, rank, rotary_size, heads);
            assert_eq!(attend_in_chunks::<F32Pages>(&case, rows), attend_apart::<F32Pages>(&case));
            assert_eq!(attend_in_chunks::<F16Pages>(&case, rows), attend_apart::<F16Pages>(&case));
            if case.shape.key_size() % 32 == 0 {
                assert_eq!(attend_in_chunks::<Q8Pages>(&case, rows), attend_apart::<Q8Pages>(&case));
            }
        }
    }
}

#[test]
fn latent_attend_gives_the_same_bits_in_chunks() {
    fn check<P: Pages>(case: &Case) {
        let whole = attend_in_chunks::<P>(case, case.shape.rows);
        for chunk in [1, 7, 32, 33] {
            assert_eq!(attend_in_chunks::<P>(case, chunk), whole);
        }
    }
    for heads in [1, 3, 16] {
        check::<F32Pages>(&case(70, 10, 6, heads));
        check::<F16Pages>(&case(70, 10, 6, heads));
        // Latents whose rank ends within a group of 32.
        check::<Q8Pages>(&case(70, 40, 24, heads));
    }
    check::<F16Pages>(&case(34, MAX_HEAD - 64, 64, 5));
}

/// Rows of several sequences in one call: a strip must not mix their pages.
#[test]
fn latent_attend_keeps_sequences_apart() {
    let parts: Vec<Case> = [1usize, 3, 33, 2].into_iter().map(|rows| case(rows, 8, 4, 3)).collect();
    let shape = parts[0].shape;
    let kept: Vec<_> = parts.iter().map(|part| fresh_pages(part.shape.rows, page_bytes::<F32Pages>(&shape))).collect();
    let (mut q, mut latent, mut want) = (Vec::new(), Vec::new(), Vec::new());
    let (mut positions, mut tables) = (Vec::new(), Vec::new());
    for (part, (_, table)) in parts.iter().zip(&kept) {
        want.extend(attend_in_chunks::<F32Pages>(part, part.shape.rows));
        q.extend_from_slice(&part.q);
        latent.extend_from_slice(&part.latent);
        positions.extend(0..part.shape.rows as i32);
        tables.extend(vec![table.as_ptr() as usize; part.shape.rows]);
    }
    let rows = positions.len();
    let mut out = vec![f32::NAN; want.len()];
    let places = Rows { positions: positions.as_ptr(), tables: tables.as_ptr() };
    unsafe { latent_attend::<F32Pages>(q.as_ptr(), latent.as_ptr(), out.as_mut_ptr(), places, LatentShape { rows, ..shape }) };
    assert_eq!(out, want);
}
