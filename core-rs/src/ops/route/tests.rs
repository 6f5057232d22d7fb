//! Tests of `route`: the ids and weights of its twin, ties, groups, rows alone, what is refused.

use super::*;
use crate::quant::tests::Rng;

const PLAIN: Rule = Rule {
    experts: 16,
    used: 3,
    scoring: Scoring::Softmax,
    bias: None,
    groups: 1,
    groups_used: 1,
    group_score: GroupScore::Best,
    normalize: false,
    scale: 1.0,
};

fn run(logits: &[f32], rule: &Rule, forced: Option<&[i32]>) -> Option<(Vec<i32>, Vec<f32>)> {
    let rows = logits.len() / rule.experts;
    let (mut ids, mut weights) = (vec![-7; rows * rule.used], vec![-7.0; rows * rule.used]);
    let done = unsafe { route(logits.as_ptr(), rows, rule, forced, ids.as_mut_ptr(), weights.as_mut_ptr()) };
    if !done {
        assert!(ids.iter().all(|id| *id == -7) && weights.iter().all(|weight| *weight == -7.0));
    }
    done.then_some((ids, weights))
}

fn numbers(seed: u32, count: usize, size: f32) -> Vec<f32> {
    let mut rng = Rng::new(seed);
    (0..count).map(|_| size * rng.signed_unit()).collect()
}

/// Every scoring, group rule and normalization, with and without a bias.
fn each_rule(run: impl Fn(&Rule)) {
    for (experts, used, groups, groups_used) in [(16, 3, 1, 1), (8, 8, 1, 1), (7, 1, 7, 3), (64, 6, 8, 3), (256, 8, 8, 4)] {
        let bias = numbers(experts as u32, experts, 0.1);
        for scoring in [Scoring::Softmax, Scoring::Sigmoid] {
            for group_score in [GroupScore::Best, GroupScore::TwoBest] {
                for (normalize, scale) in [(false, 1.0), (true, 2.5), (false, 16.0)] {
                    for bias in [None, Some(bias.as_slice())] {
                        run(&Rule { experts, used, scoring, bias, groups, groups_used, group_score, normalize, scale });
                    }
                }
            }
        }
    }
}

#[test]
fn route_matches_its_twin() {
    each_rule(|rule| {
        let rows = 17;
        let logits = numbers(rule.used as u32, rows * rule.experts, 6.0);
        let (ids, weights) = run(&logits, rule, None).unwrap();
        let (twin_ids, twin_weights) = route_scalar(&logits, rule, None).unwrap();
        assert_eq!(ids, twin_ids, "{rule:?}");
        for (a, b) in weights.iter().zip(twin_weights) {
            assert!((a - b).abs() <= 1e-6 * b.abs(), "{rule:?}: {a} {b}");
        }
    });
}

#[test]
fn route_gives_a_row_alone_the_bits_it_has_among_many() {
    each_rule(|rule| {
        let logits = numbers(9, 37 * rule.experts, 6.0);
        let (ids, weights) = run(&logits, rule, None).unwrap();
        for row in [0, 1, 20, 36] {
            let alone = run(&logits[row * rule.experts..(row + 1) * rule.experts], rule, None).unwrap();
            let slots = row * rule.used..(row + 1) * rule.used;
            assert_eq!(alone, (ids[slots.clone()].to_vec(), weights[slots].to_vec()), "{rule:?}");
        }
    });
}

#[test]
fn ties_go_to_the_lowest_id() {
    let (ids, weights) = run(&[2.0; 32], &PLAIN, None).unwrap();
    assert_eq!(ids, [0, 1, 2, 0, 1, 2]);
    assert_eq!(weights, [1.0 / 16.0; 6]);
    let groups = Rule { groups: 4, groups_used: 2, group_score: GroupScore::TwoBest, ..PLAIN };
    let mut logits = [0.0; 16];
    (logits[6], logits[9], logits[13]) = (1.0, 1.0, 1.0);
    // Groups 1, 2 and 3 are equal: the first two are open.
    assert_eq!(run(&logits, &groups, None).unwrap().0, [4, 6, 9]);
    assert_eq!(route_scalar(&logits, &groups, None).unwrap().0, [4, 6, 9]);
}

#[test]
fn groups_are_ranked_by_their_rule_and_the_bias_only_steers_the_choice() {
    let logits = [3.0, -9.0, 2.0, 2.0, 1.0, 1.0, 0.0, 0.0];
    let rule = Rule { experts: 8, used: 2, scoring: Scoring::Sigmoid, groups: 4, groups_used: 1, ..PLAIN };
    assert_eq!(run(&logits, &rule, None).unwrap().0, [0, 1]);
    let two_best = Rule { group_score: GroupScore::TwoBest, ..rule };
    assert_eq!(run(&logits, &two_best, None).unwrap().0, [2, 3]);
    let bias = [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 5.0, 0.0];
    let (ids, weights) = run(&logits, &Rule { bias: Some(&bias), normalize: true, scale: 3.0, ..two_best }, None).unwrap();
    assert_eq!((ids.as_slice(), weights.as_slice()), ([6, 7].as_slice(), [1.5, 1.5].as_slice()));
}

#[test]
fn forced_ids_are_weighed_as_chosen_ones() {
    let logits = numbers(3, 32, 2.0);
    let rule = Rule { normalize: true, ..PLAIN };
    let forced = [0, 7, 15, 3, 4, 5];
    let (ids, weights) = run(&logits, &rule, Some(&forced)).unwrap();
    let (_, twin) = route_scalar(&logits, &rule, Some(&forced)).unwrap();
    assert_eq!(ids, forced);
    assert!(weights.iter().zip(&twin).all(|(a, b)| (a - b).abs() <= 1e-6), "{weights:?} {twin:?}");
    for wrong in [[0, 7, 16, 3, 4, 5], [-1, 7, 8, 3, 4, 5], [7, 7, 8, 3, 4, 5], [8, 7, 9, 3, 4, 5]] {
        assert_eq!(run(&logits, &rule, Some(&wrong)), None);
    }
}

#[test]
fn large_logits_stay_finite() {
    // Under softmax all but the best score are 0, and the lowest ids fill up.
    for (scoring, second) in [(Scoring::Softmax, 1), (Scoring::Sigmoid, 2)] {
        let mut logits = [-3e38; 16];
        (logits[5], logits[2]) = (3e38, 200.0);
        let (ids, weights) = run(&logits, &Rule { scoring, normalize: true, ..PLAIN }, None).unwrap();
        assert_eq!(ids, [0, second, 5]);
        assert!(weights.iter().all(|weight| (0.0..=1.0).contains(weight)) && weights[2] >= 0.5, "{weights:?}");
    }
}

#[test]
fn rules_that_do_not_fit_are_refused() {
    let logits = numbers(4, 32, 1.0);
    let refused = [
        Rule { used: 17, ..PLAIN },
        Rule { used: 0, ..PLAIN },
        Rule { groups: 3, ..PLAIN },
        Rule { groups: 0, ..PLAIN },
        Rule { groups_used: 0, ..PLAIN },
        Rule { groups: 4, groups_used: 5, ..PLAIN },
        Rule { groups: 8, groups_used: 1, ..PLAIN },
        Rule { bias: Some(&[0.0; 15]), ..PLAIN },
    ];
    for rule in refused {
        assert_eq!(run(&logits, &rule, None), None, "{rule:?}");
        assert_eq!(route_scalar(&logits, &rule, None), None, "{rule:?}");
    }
}

#[test]
fn a_row_that_is_not_finite_gets_nan_and_changes_no_other() {
    each_rule(|rule| {
        let mut logits = numbers(5, 9 * rule.experts, 6.0);
        let (ids, weights) = run(&logits, rule, None).unwrap();
        let used = rule.used;
        let first: Vec<i32> = (0..used as i32).collect();
        for (place, wrong) in [(0, f32::NAN), (rule.experts - 1, f32::INFINITY), (1, f32::NEG_INFINITY)] {
            logits[4 * rule.experts + place] = wrong;
            let forced = (0..9).flat_map(|_| 0..used as i32).map(|id| id + (rule.experts - used) as i32).collect::<Vec<_>>();
            for forced in [None, Some(forced.as_slice())] {
                let (_, scores) = run(&logits, rule, forced).unwrap();
                assert!(scores[4 * used..5 * used].iter().all(|weight| weight.is_nan()), "{rule:?} {wrong}");
                assert!(scores[..4 * used].iter().chain(&scores[5 * used..]).all(|weight| weight.is_finite()));
            }
            for (got, weighed) in [run(&logits, rule, None).unwrap(), route_scalar(&logits, rule, None).unwrap()] {
                assert_eq!(got[4 * used..5 * used], first, "{rule:?} {wrong}");
                assert_eq!((&got[..4 * used], &got[5 * used..]), (&ids[..4 * used], &ids[5 * used..]), "{rule:?} {wrong}");
                assert!(weighed[4 * used..5 * used].iter().all(|weight| weight.is_nan()), "{rule:?} {wrong}");
            }
            let (_, again) = run(&logits, rule, None).unwrap();
            assert_eq!((&again[..4 * used], &again[5 * used..]), (&weights[..4 * used], &weights[5 * used..]));
            logits[4 * rule.experts + place] = 0.0;
        }
    });
    let bias = [f32::NAN; 16];
    let (ids, weights) = run(&[0.0; 16], &Rule { bias: Some(&bias), ..PLAIN }, None).unwrap();
    assert_eq!(ids, [0, 1, 2]);
    assert!(weights.iter().all(|weight| weight.is_nan()));
}
