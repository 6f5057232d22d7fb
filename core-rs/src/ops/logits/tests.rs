//! Tests of log-probabilities and drawing: shares of a known distribution, and the scalar twins.

use super::*;
use crate::quant::tests::Rng;

fn how(temperature: f32, top_k: u32, top_p: f32, min_p: f32, position: u32) -> Draw {
    Draw { temperature, top_k, top_p, min_p, key: [1, 2], choice: 0, position }
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
                let twin = draw_scalar(&logits, &how).unwrap();
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
        (unsafe { draw(x.as_ptr(), x.len(), &how) }, draw_scalar(x, &how).map(|drawn| drawn.id))
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
