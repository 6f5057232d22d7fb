//! Tests of log-probabilities and drawing: shares of a known distribution, and the scalar twins.

use super::draw::{keep_mass, Candidate};
use super::*;
use crate::quant::tests::Rng;

fn how(temperature: f32, top_k: u32, top_p: f32, min_p: f32, position: u32) -> Draw {
    Draw { temperature, top_k, top_p, min_p, key: [1, 2], choice: 0, position }
}

fn exact(logits: &[f32]) -> Vec<f64> {
    logits.iter().map(|x| *x as f64).collect()
}

/// Shares of ids drawn at many positions.
fn shares(logits: &[f32], temperature: f32, top_k: u32, top_p: f32, min_p: f32) -> Vec<f64> {
    let mut counts = vec![0.0; logits.len()];
    for position in 0..20_000 {
        let how = how(temperature, top_k, top_p, min_p, position);
        counts[unsafe { draw(logits.as_ptr(), logits.len(), &how) }.unwrap() as usize] += 1.0 / 20_000.0;
    }
    counts
}

/// Natural logs of .4 .3 .2 .1, in mixed order.
const LOGITS: [f32; 4] = [-1.609_438, -0.916_291, -core::f32::consts::LN_10, -1.203_973];

fn assert_shares(got: Vec<f64>, want: [f64; 4]) {
    // Four standard errors of a share near one half.
    assert!(got.iter().zip(want).all(|(g, w)| (g - w).abs() < 0.0142), "{got:?} is not {want:?}");
}

#[test]
fn draw_follows_the_distribution_and_its_truncations() {
    assert_shares(shares(&LOGITS, 1.0, 0, 1.0, 0.0), [0.2, 0.4, 0.1, 0.3]);
    assert_shares(shares(&LOGITS, 0.5, 0, 1.0, 0.0), [4.0 / 30.0, 16.0 / 30.0, 1.0 / 30.0, 9.0 / 30.0]);
    assert_shares(shares(&LOGITS, 1.0, 2, 1.0, 0.0), [0.0, 4.0 / 7.0, 0.0, 3.0 / 7.0]);
    assert_shares(shares(&LOGITS, 1.0, 0, 0.65, 0.0), [0.0, 4.0 / 7.0, 0.0, 3.0 / 7.0]);
    assert_shares(shares(&LOGITS, 1.0, 0, 1.0, 0.45), [2.0 / 9.0, 4.0 / 9.0, 0.0, 3.0 / 9.0]);
}

#[test]
fn draw_takes_the_lowest_best_id_when_greedy_and_refuses_nan() {
    let greedy = |x: &[f32]| unsafe { draw(x.as_ptr(), x.len(), &how(0.0, 0, 1.0, 0.0, 0)) };
    assert_eq!(greedy(&[1.0, 3.0, 2.0, 3.0, 0.5]), Some(1));
    assert_eq!(greedy(&[1.0, f32::NAN, 2.0, 0.0, 0.0]), None);
}

#[test]
fn keep_mass_sorts_far_enough() {
    let mut many: Vec<Candidate> = (0..5000).map(|id| Candidate { weight: 1.0, id }).collect();
    keep_mass(&mut many, 2500.0);
    assert_eq!(many.len(), 2500);
    assert!(many.iter().enumerate().all(|(i, c)| c.id == i as u32));
}

#[test]
fn token_logprob_is_the_log_softmax() {
    let want = [0.2f64, 0.4, 0.1, 0.3];
    for (id, p) in want.iter().enumerate() {
        let got = unsafe { token_logprob(LOGITS.as_ptr(), 4, id, 1.0) } as f64;
        assert!((got - p.ln()).abs() < 1e-6);
    }
}

const SIZES: [usize; 15] = [1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 33, 100, 257, 1001];

#[test]
fn token_logprob_matches_its_twin() {
    let mut rng = Rng::new(4);
    for vocab in SIZES {
        let logits: Vec<f32> = (0..vocab).map(|_| 12.0 * rng.signed_unit()).collect();
        for temperature in [0.3f32, 1.0, 1.7] {
            for id in [0, vocab / 2, vocab - 1] {
                let got = unsafe { token_logprob(logits.as_ptr(), vocab, id, temperature) } as f64;
                let want = token_logprob_scalar(&logits, id, temperature);
                assert!((got - want).abs() <= 5e-7 * want.abs().max(1.0), "{vocab} {id}: {got} {want}");
            }
        }
    }
}

/// `draw` sums weights that are f32, exact to about 2e-7 each: borders move by less than this share of the mass.
const BORDER: f64 = 1e-6;

/// Logits on a grid of 1/64, so that those which differ do so clearly, and many are equal.
fn grid_logits(rng: &mut Rng, vocab: usize) -> Vec<f32> {
    (0..vocab).map(|_| (512.0 * rng.signed_unit()).round() / 64.0).collect()
}

#[test]
fn draw_gives_the_id_of_its_twin_away_from_borders() {
    let mut rng = Rng::new(5);
    let (mut near, mut all) = (0, 0);
    for vocab in SIZES {
        let logits = grid_logits(&mut rng, vocab);
        for (temperature, top_k, top_p, min_p) in [
            (0.0, 0, 1.0, 0.0),
            (1.0, 0, 1.0, 0.0),
            (0.6, 0, 0.95, 0.0),
            (1.0, 1, 1.0, 0.0),
            (1.5, 3, 1.0, 0.0),
            (1.5, 40, 0.9, 0.03),
            (2.0, 0, 0.0, 0.0),
            (2.0, 0, 1.0, 0.07),
            (4.0, 500, 0.999, 0.0),
        ] {
            for position in 0..100 {
                let how = how(temperature, top_k, top_p, min_p, position);
                let twin = draw_scalar(&exact(&logits), &how).unwrap();
                all += 1;
                if twin.margin < BORDER {
                    near += 1;
                    continue;
                }
                let got = unsafe { draw(logits.as_ptr(), vocab, &how) };
                assert_eq!(got, Some(twin.id), "{vocab} {temperature} {top_k} {top_p} {min_p} {position}: {twin:?}");
            }
        }
    }
    assert!(near * 100 < all, "{near} of {all} draws were left out");
}

#[test]
fn draw_and_its_twin_agree_on_what_cannot_be_drawn() {
    let both = |x: &[f32], temperature: f32| {
        let how = how(temperature, 0, 1.0, 0.0, 0);
        (unsafe { draw(x.as_ptr(), x.len(), &how) }, draw_scalar(&exact(x), &how).map(|drawn| drawn.id))
    };
    for temperature in [0.0, 1.0] {
        for bad in [f32::NAN, f32::INFINITY] {
            for at in 0..5 {
                let mut x = [1.0f32, 2.0, 3.0, -1.0, 0.5];
                x[at] = bad;
                assert_eq!(both(&x, temperature), (None, None));
            }
        }
        assert_eq!(both(&[f32::NEG_INFINITY; 3], temperature), (None, None));
        assert_eq!(both(&[f32::NEG_INFINITY, -1e30, f32::NEG_INFINITY], temperature), (Some(1), Some(1)));
    }
}

#[test]
fn draw_depends_on_every_part_of_key_and_counter() {
    let logits = [0.0f32; 64];
    let draws = |key: [u32; 2], choice: u32, from: u32| -> Vec<u32> {
        let how = |position: u32| Draw { key, choice, ..how(1.0, 0, 1.0, 0.0, position) };
        (from..from + 20).map(|position| unsafe { draw(logits.as_ptr(), 64, &how(position)) }.unwrap()).collect()
    };
    let first = draws([1, 2], 0, 0);
    assert_eq!(draws([1, 2], 0, 0), first);
    for other in [draws([1, 2], 1, 0), draws([1, 2], 0, 20), draws([2, 2], 0, 0), draws([1, 3], 0, 0)] {
        assert_ne!(other, first);
    }
    let uniform = |position| crate::rng::uniform([1, 2], [position, 7, 0, 0]);
    assert_eq!(draws([1, 2], 7, 5), (5..25).map(|position| (64.0 * uniform(position)) as u32).collect::<Vec<_>>());
}

#[test]
fn adjusted_adds_bias_then_damps_repeats_then_subtracts_counts() {
    let logits = [3.0f32, -3.0, 1.0, 0.0, 2.0, 5.0];
    let how = Adjustment {
        biased: &[2, 5, 3, 3],
        bias: &[-2.0, f32::NEG_INFINITY, 0.5, 0.25],
        repeated: &[0, 1, 2, 5],
        repeat: 1.5,
        counted: &[1, 4],
        counts: &[1, 3],
        presence: 0.5,
        frequency: 0.25,
        ..Adjustment::default()
    };
    assert_eq!(adjusted(&logits, &how), [2.0, -5.25, -1.5, 0.75, 0.75, f32::NEG_INFINITY]);
    assert_eq!(adjusted_scalar(&logits, &how), [2.0, -5.25, -1.5, 0.75, 0.75, f64::NEG_INFINITY]);
    assert_eq!(adjusted(&logits, &Adjustment::default()), logits);
    for odd in [
        Adjustment { biased: &[6], bias: &[0.0], ..how },
        Adjustment { repeated: &[6], ..how },
        Adjustment { counted: &[4, 6], counts: &[1, 1], ..how },
    ] {
        assert!(!odd.fits(6) && odd.fits(7));
    }
    assert!(!Adjustment { bias: &[0.0], ..how }.fits(6) && !Adjustment { counts: &[1], ..how }.fits(6));
}

#[test]
fn adjusted_is_its_twin_rounded() {
    let mut rng = Rng::new(6);
    let logits: Vec<f32> = (0..1001).map(|_| 12.0 * rng.signed_unit()).collect();
    let some = |step: usize| -> Vec<u32> { (0..1001u32).step_by(step).collect() };
    let (biased, repeated, counted) = (some(3), some(2), some(5));
    let bias: Vec<f32> = biased.iter().map(|_| 4.0 * rng.signed_unit()).collect();
    let counts: Vec<u32> = counted.iter().map(|id| 1 + id % 7).collect();
    let how = Adjustment {
        biased: &biased,
        bias: &bias,
        repeated: &repeated,
        repeat: 1.3,
        counted: &counted,
        counts: &counts,
        presence: 0.7,
        frequency: 0.11,
        ..Adjustment::default()
    };
    let mask: Vec<u32> = (0..32).map(|_| rng.next()).collect();
    for how in [how, Adjustment { allowed: &mask, ..how }] {
        for (got, want) in adjusted(&logits, &how).iter().zip(adjusted_scalar(&logits, &how)) {
            // Four roundings of numbers below 32.
            assert!(*got as f64 == want || (*got as f64 - want).abs() < 4e-6, "{got} {want}");
        }
    }
}

#[test]
fn adjusted_excludes_what_a_mask_leaves_out_whatever_else_changes_it() {
    let out = f32::NEG_INFINITY;
    for vocab in [1usize, 31, 32, 33, 64, 95, 1001] {
        let logits: Vec<f32> = (0..vocab).map(|id| id as f32 - 7.0).collect();
        let words = vocab.div_ceil(32);
        let some: Vec<u32> = (0..words as u32).map(|word| 0x8421_0001 >> (word % 3)).collect();
        for mask in [vec![0; words], vec![u32::MAX; words], some] {
            let how = Adjustment { allowed: &mask, ..Adjustment::default() };
            assert!(how.fits(vocab) && !how.is_empty());
            let want: Vec<f32> = logits.iter().enumerate().map(|(id, x)| if mask[id / 32] >> (id % 32) & 1 == 1 { *x } else { out }).collect();
            assert_eq!(adjusted(&logits, &how), want);
            for change in [
                Adjustment { biased: &[0], bias: &[100.0], ..how },
                Adjustment { repeated: &[0], repeat: 0.01, ..how },
                Adjustment { counted: &[0], counts: &[3], presence: -2.0, frequency: -2.0, ..how },
            ] {
                let row = adjusted(&logits, &change);
                assert_eq!(row[1..], want[1..]);
                assert_eq!(row[0] == out, want[0] == out);
            }
        }
        for wrong in [vec![0; words + 1], vec![0; words - 1], vec![0; words + 7]] {
            let fits = wrong.is_empty(); // an empty one is none
            assert_eq!(Adjustment { allowed: &wrong, ..Adjustment::default() }.fits(vocab), fits);
        }
    }
}

#[test]
fn draw_takes_only_what_a_mask_allows_whatever_truncates() {
    let mut rng = Rng::new(8);
    for vocab in [5usize, 33, 1001] {
        let logits = grid_logits(&mut rng, vocab);
        let mask: Vec<u32> = (0..vocab.div_ceil(32)).map(|_| rng.next() & rng.next() | 2).collect();
        let adjustment = Adjustment { allowed: &mask, ..Adjustment::default() };
        let row = adjusted_scalar(&logits, &adjustment);
        for (temperature, top_k, top_p, min_p) in [(0.0, 0, 1.0, 0.0), (1.0, 0, 1.0, 0.0), (1.5, 900, 0.95, 0.0), (2.0, 0, 1.0, 0.05)] {
            for position in 0..100 {
                let how = how(temperature, top_k, top_p, min_p, position);
                let id = unsafe { draw_adjusted(logits.as_ptr(), vocab, &adjustment, &how) }.unwrap();
                assert!(mask[id as usize / 32] >> (id % 32) & 1 == 1, "{id}");
                let twin = draw_scalar(&row, &how).unwrap();
                assert!(id == twin.id || twin.margin < BORDER, "{id} {twin:?}");
            }
        }
    }
}

#[test]
fn draw_adjusted_tells_why_nothing_is_drawn() {
    let run = |logits: &[f32], bias: &[f32]| {
        let ids: Vec<u32> = (0..bias.len() as u32).collect();
        let how = (Adjustment { biased: &ids, bias, ..Adjustment::default() }, how(1.0, 0, 1.0, 0.0, 0));
        unsafe { draw_adjusted(logits.as_ptr(), logits.len(), &how.0, &how.1) }
    };
    let out = f32::NEG_INFINITY;
    assert_eq!(run(&[1.0, 2.0, 3.0], &[out, 0.0, out]), Ok(1));
    assert_eq!(run(&[1.0, out, 3.0], &[out, 0.0, out]), Err(NoDraw::AllExcluded));
    assert_eq!(run(&[1.0, f32::NAN, 3.0], &[out, out, out]), Err(NoDraw::NotFinite));
    assert_eq!(run(&[1.0, f32::INFINITY, 3.0], &[out, out, out]), Err(NoDraw::NotFinite));
    assert_eq!(run(&[out, out, out], &[1.0]), Err(NoDraw::NotFinite));
    assert_eq!(run(&[1.0, 2.0, 3.0], &[0.0; 4]), Err(NoDraw::UnknownId));
    let masked = |logits: &[f32], allowed: &[u32]| {
        let how = (Adjustment { allowed, ..Adjustment::default() }, how(1.0, 0, 1.0, 0.0, 0));
        unsafe { draw_adjusted(logits.as_ptr(), logits.len(), &how.0, &how.1) }
    };
    assert_eq!(masked(&[1.0, 2.0, 3.0], &[2]), Ok(1));
    assert_eq!(masked(&[1.0, 2.0, 3.0], &[8]), Err(NoDraw::AllExcluded));
    assert_eq!(masked(&[1.0, out, 3.0], &[2]), Err(NoDraw::AllExcluded));
    assert_eq!(masked(&[1.0, 2.0, f32::NAN], &[2]), Err(NoDraw::NotFinite));
    assert_eq!(masked(&[1.0, 2.0, f32::INFINITY], &[2]), Err(NoDraw::NotFinite));
    assert_eq!(masked(&[1.0, 2.0, 3.0], &[2, 0]), Err(NoDraw::UnknownId));
}

#[test]
fn best_logprobs_are_a_full_sort() {
    let mut rng = Rng::new(7);
    for vocab in SIZES {
        let logits = grid_logits(&mut rng, vocab);
        let mut sorted: Vec<u32> = (0..vocab as u32).collect();
        sorted.sort_by(|a, b| logits[*b as usize].partial_cmp(&logits[*a as usize]).unwrap());
        for count in [0, 1, 2, 20, vocab] {
            let (own, best) = unsafe { best_logprobs(logits.as_ptr(), vocab, vocab / 2, count) };
            let alone = |id: u32| unsafe { token_logprob(logits.as_ptr(), vocab, id as usize, 1.0) };
            assert_eq!(own, alone(vocab as u32 / 2));
            assert_eq!(best, sorted.iter().take(count).map(|id| (*id, alone(*id))).collect::<Vec<_>>());
        }
    }
    let ends = [f32::NEG_INFINITY, -0.0, 0.0, f32::NAN];
    assert_eq!(unsafe { best_logprobs(ends.as_ptr(), 3, 0, 3) }.1.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [1, 2, 0]);
    assert_eq!(unsafe { best_logprobs(ends.as_ptr(), 4, 0, 3) }.1.len(), 3);
}
