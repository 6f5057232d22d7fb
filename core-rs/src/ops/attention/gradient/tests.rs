//! Tests of attention's backward pass: near the twin, whose numbers are slopes; runs are by themselves; latents.

use super::*;
use crate::quant::tests::Rng;
use crate::slopes::{assert_near, bits, slopes, weighted, wide};

const TOLERANCE: f64 = 5e-6;

struct Case {
    shape: Shape,
    d: Vec<f32>,
    q: Vec<f32>,
    k: Vec<f32>,
    v: Vec<f32>,
}

fn case(rows: usize, key_size: usize, value_size: usize, heads: usize, kv_heads: usize) -> Case {
    let scale = 1.0 / (key_size as f32).sqrt();
    let shape = Shape { rows, heads, kv_heads, key_size, value_size, scale, layer_offset: 0 };
    let mut rng = Rng::new((rows * 1000 + key_size * 10 + value_size) as u32);
    let mut numbers = |n: usize| (0..rows * n).map(|_| 2.0 * rng.signed_unit()).collect();
    Case {
        shape,
        d: numbers(heads * value_size),
        q: numbers(heads * key_size),
        k: numbers(kv_heads * key_size),
        v: numbers(kv_heads * value_size),
    }
}

fn run(case: &Case, runs: &[Run]) -> [Vec<f32>; 3] {
    run_by(case, runs, |job| unsafe { attend_gradient(job) })
}

fn run_by(case: &Case, runs: &[Run], by: impl Fn(&Gradient)) -> [Vec<f32>; 3] {
    let mut out = [&case.q, &case.k, &case.v].map(|x| vec![f32::NAN; x.len()]);
    let mut statistics = vec![f32::NAN; STATISTICS * case.shape.rows * case.shape.heads];
    let [d_q, d_k, d_v] = out.each_mut().map(|out| out.as_mut_ptr());
    let job = Gradient {
        d: case.d.as_ptr(),
        q: case.q.as_ptr(),
        k: case.k.as_ptr(),
        v: case.v.as_ptr(),
        d_q,
        d_k,
        d_v,
        statistics: statistics.as_mut_ptr(),
        runs,
        v_width: case.shape.kv_heads * case.shape.value_size,
        shape: case.shape,
    };
    by(&job);
    out
}

fn whole(rows: usize) -> [Run; 1] {
    [Run { start: 0, length: rows as u32 }]
}

fn twin(case: &Case) -> [Vec<f32>; 3] {
    attend_gradient_scalar(&case.d, &case.q, &case.k, &case.v, case.shape)
}

#[test]
fn gradients_match_their_twin() {
    for (rows, key_size, value_size, heads, kv_heads) in
        [(1, 4, 4, 1, 1), (5, 6, 4, 2, 1), (32, 8, 12, 4, 2), (33, 16, 16, 3, 3), (161, 13, 8, 6, 2), (200, 64, 64, 2, 1), (3, 576, 512, 2, 1)]
    {
        let case = case(rows, key_size, value_size, heads, kv_heads);
        for ((got, want), of) in run(&case, &whole(rows)).iter().zip(twin(&case)).zip(["q", "k", "v"]) {
            assert_near(got, &wide(&want), TOLERANCE, &format!("{of} of {rows} rows, {key_size}, {value_size}"));
        }
    }
}

#[test]
fn one_pass_has_the_bits_of_two() {
    for (rows, key_size, value_size, heads, kv_heads) in [(5, 6, 4, 2, 1), (96, 32, 32, 4, 4), (161, 13, 8, 6, 2), (200, 20, 16, 4, 1)] {
        let case = case(rows, key_size, value_size, heads, kv_heads);
        let half = (rows / 2) as u32;
        for runs in [&whole(rows)[..], &[Run { start: 0, length: half }, Run { start: half, length: rows as u32 - half }]] {
            let one = run_by(&case, runs, |job| unsafe { in_one_pass(job) });
            let two = run_by(&case, runs, |job| unsafe { in_two_passes(job) });
            for ((one, two), of) in one.iter().zip(&two).zip(["q", "k", "v"]) {
                assert_eq!(bits(one), bits(two), "{of} of {rows} rows in {} runs", runs.len());
            }
        }
    }
}

#[test]
fn the_twin_gives_the_slopes_of_attention() {
    let case = case(5, 3, 2, 4, 2);
    let Shape { rows, heads, kv_heads, key_size, value_size, scale, .. } = case.shape;
    let attend = |q: &[f64], k: &[f64], v: &[f64]| {
        let mut out = vec![0.0; rows * heads * value_size];
        for (row, head) in (0..rows).flat_map(|row| (0..heads).map(move |head| (row, head))) {
            let kv = head * kv_heads / heads;
            let score = |t: usize| -> f64 {
                (0..key_size).map(|i| q[(row * heads + head) * key_size + i] * k[(t * kv_heads + kv) * key_size + i]).sum::<f64>() * scale as f64
            };
            let total: f64 = (0..=row).map(|t| score(t).exp()).sum();
            for t in 0..=row {
                for i in 0..value_size {
                    out[(row * heads + head) * value_size + i] += score(t).exp() / total * v[(t * kv_heads + kv) * value_size + i];
                }
            }
        }
        weighted(&case.d, &out)
    };
    let [q, k, v] = [wide(&case.q), wide(&case.k), wide(&case.v)];
    let [by_q, by_k, by_v] = twin(&case);
    assert_near(&by_q, &slopes(&case.q, |q| attend(q, &k, &v)), 1e-6, "q");
    assert_near(&by_k, &slopes(&case.k, |k| attend(&q, k, &v)), 1e-6, "k");
    assert_near(&by_v, &slopes(&case.v, |v| attend(&q, &k, v)), 1e-6, "v");
}

#[test]
fn a_run_has_the_same_bits_wherever_it_stands() {
    let (short, long) = (37, 70);
    let both = case(short + long, 12, 8, 4, 2);
    let rows = |x: &[f32], first: usize, count: usize| -> Vec<f32> {
        let width = x.len() / (short + long);
        x[first * width..(first + count) * width].to_vec()
    };
    let runs = [Run { start: 0, length: short as u32 }, Run { start: short as u32, length: long as u32 }];
    let all = run(&both, &runs);
    for (first, count) in [(0, short), (short, long)] {
        let alone = Case {
            shape: Shape { rows: count, ..both.shape },
            d: rows(&both.d, first, count),
            q: rows(&both.q, first, count),
            k: rows(&both.k, first, count),
            v: rows(&both.v, first, count),
        };
        for (all, alone) in all.iter().zip(run(&alone, &whole(count))) {
            assert_eq!(bits(&rows(all, first, count)), bits(&alone));
        }
    }
}

#[test]
fn a_latent_takes_what_its_keys_and_its_values_get() {
    let (rows, heads, rank, rotary) = (75, 3, 12, 6);
    let mut case = case(rows, rank + rotary, rank, heads, 1);
    let values = |latent: &[f32]| -> Vec<f32> { latent.chunks(rank + rotary).flat_map(|row| &row[..rank]).copied().collect() };
    case.v = values(&case.k);
    let [by_q, by_k, by_v] = twin(&case);
    let mut want = wide(&by_k);
    for (row, by_v) in want.chunks_mut(rank + rotary).zip(by_v.chunks(rank)) {
        row.iter_mut().zip(by_v).for_each(|(sum, by_v)| *sum += *by_v as f64);
    }
    for pass in [in_one_pass, in_two_passes] {
        let mut statistics = vec![f32::NAN; STATISTICS * rows * heads];
        let (mut d_q, mut d_latent) = (vec![f32::NAN; case.q.len()], vec![f32::NAN; case.k.len()]);
        let job = Gradient {
            d: case.d.as_ptr(),
            q: case.q.as_ptr(),
            k: case.k.as_ptr(),
            v: case.k.as_ptr(),
            d_q: d_q.as_mut_ptr(),
            d_k: d_latent.as_mut_ptr(),
            d_v: d_latent.as_mut_ptr(),
            statistics: statistics.as_mut_ptr(),
            runs: &whole(rows),
            v_width: rank + rotary,
            shape: case.shape,
        };
        unsafe { pass(&job) };
        assert_near(&d_q, &wide(&by_q), TOLERANCE, "q");
        assert_near(&d_latent, &want, TOLERANCE, "latent");
    }
}
