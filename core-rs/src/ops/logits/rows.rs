//! One token of each of many rows, drawn on all threads in one manner, with its log-probability. What is done with a row is
//! `draw`'s and `logprob`'s.

use super::draw::{draw_in, Room};
use super::{token_logprob, Adjustment, Draw, NoDraw};
use crate::threads::parallel_for;

/// Threads take portions of about this many logits.
const PORTION: usize = 4096;
/// Portions at most: each has a room of its own.
const MOST_PORTIONS: usize = 64;

/// What belongs to a row: Philox key and counter as in `Draw`, and the id that is taken without drawing (negative: none).
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct RowDraw {
    pub key: [u32; 2],
    pub choice: u32,
    pub position: u32,
    pub forced: i32,
}

/// Why a row has no token, in the place of an id: a logit is NaN, the largest or its token's is not finite.
pub const NOT_FINITE: i32 = -1;
/// The adjustment leaves none.
pub const ALL_EXCLUDED: i32 = -2;

/// logits `[B, V]` -> ids `[B]` and log-softmax(logits / temperature) of these `[B]`, with temperature 1 where it is 0; the
/// rows' keys and counters take the place of `how`'s. False, with nothing written, if an id or the adjustment does not fit
/// the vocabulary.
///
/// # Safety
/// The pointers hold these shapes, a row has one logit at least.
pub unsafe fn draw_rows(
    logits: *const f32,
    vocab: usize,
    rows: &[RowDraw],
    adjustment: &Adjustment,
    how: &Draw,
    ids: *mut i32,
    logprobs: *mut f32,
) -> bool {
    let fits = |row: &RowDraw| row.forced < 0 || (row.forced as usize) < vocab;
    if !rows.iter().all(fits) || !(adjustment.is_empty() || adjustment.fits(vocab)) {
        return false;
    }
    let temperature = if how.temperature == 0.0 { 1.0 } else { how.temperature };
    let portion = (1 + PORTION / vocab).max(rows.len().div_ceil(MOST_PORTIONS));
    // Made here, since a body that threads share takes nothing from the allocator.
    let mut rooms: Vec<Room> = (0..rows.len().div_ceil(portion)).map(|_| Room::of(vocab)).collect();
    let (logits, all_rooms) = (logits as usize, rooms.as_mut_ptr() as usize);
    let (ids, logprobs) = (ids as usize, logprobs as usize);
    parallel_for(rooms.len(), 1, &|portions| {
        for at in portions.start * portion..rows.len().min(portions.end * portion) {
            unsafe {
                let room = &mut *(all_rooms as *mut Room).add(at / portion);
                let row = rows[at];
                let logits = (logits as *const f32).add(at * vocab);
                let how = Draw { key: row.key, choice: row.choice, position: row.position, ..*how };
                let drawn = if row.forced >= 0 { Ok(row.forced as u32) } else { draw_in(room, logits, vocab, adjustment, &how) };
                let logprob = drawn.map_or(f32::NAN, |id| token_logprob(logits, vocab, id as usize, temperature));
                *(logprobs as *mut f32).add(at) = logprob;
                *(ids as *mut i32).add(at) = match drawn {
                    Ok(id) if logprob.is_finite() => id as i32,
                    Err(NoDraw::AllExcluded) => ALL_EXCLUDED,
                    _ => NOT_FINITE,
                };
            }
        }
    });
    true
}

#[cfg(test)]
mod tests {
    use super::super::draw_adjusted;
    use super::*;
    use crate::quant::tests::Rng;

    fn draw_all(logits: &[f32], vocab: usize, rows: &[RowDraw], adjustment: &Adjustment, how: &Draw) -> Option<(Vec<i32>, Vec<f32>)> {
        let (mut ids, mut logprobs) = (vec![7; rows.len()], vec![7.0; rows.len()]);
        let done = unsafe {
            draw_rows(logits.as_ptr(), vocab, rows, adjustment, how, ids.as_mut_ptr(), logprobs.as_mut_ptr())
        };
        assert!(done || ids.iter().all(|id| *id == 7));
        done.then_some((ids, logprobs))
    }

    fn how(temperature: f32, top_k: u32, top_p: f32) -> Draw {
        Draw { temperature, top_k, top_p, min_p: 0.0, key: [9, 9], choice: 9, position: 9 }
    }

    fn row(at: usize, forced: i32) -> RowDraw {
        RowDraw { key: [at as u32, 3], choice: at as u32 % 5, position: 40 + at as u32, forced }
    }

    #[test]
    fn rows_draw_what_each_draws_by_itself() {
        let mut rng = Rng::new(8);
        for (count, vocab) in [(1usize, 1usize), (3, 5), (300, 64), (70, 1003)] {
            let logits: Vec<f32> = (0..count * vocab).map(|_| 6.0 * rng.signed_unit()).collect();
            let rows: Vec<RowDraw> = (0..count).map(|at| row(at, if at % 4 == 3 { 0 } else { -1 })).collect();
            let allowed = vec![0xffff_fffdu32; vocab.div_ceil(32)];
            for (temperature, top_k, top_p) in [(0.0, 0, 1.0), (1.0, 0, 1.0), (0.7, 3, 0.9)] {
                for allowed in [&[][..], &allowed] {
                    let adjustment = Adjustment { allowed, ..Adjustment::default() };
                    let how = how(temperature, top_k, top_p);
                    let (ids, logprobs) = draw_all(&logits, vocab, &rows, &adjustment, &how).unwrap();
                    for (at, row) in rows.iter().enumerate() {
                        let own = &logits[at * vocab..][..vocab];
                        let how = Draw { key: row.key, choice: row.choice, position: row.position, ..how };
                        let drawn = unsafe { draw_adjusted(own.as_ptr(), vocab, &adjustment, &how) };
                        let id = if row.forced >= 0 { row.forced } else { drawn.unwrap() as i32 };
                        assert_eq!(ids[at], id, "{vocab} {temperature} {at}");
                        let divisor = if temperature == 0.0 { 1.0 } else { temperature };
                        let want = unsafe { token_logprob(own.as_ptr(), vocab, id as usize, divisor) };
                        assert_eq!(logprobs[at].to_bits(), want.to_bits());
                    }
                }
            }
        }
    }

    #[test]
    fn a_row_without_a_token_stops_no_other() {
        let rows: Vec<RowDraw> = (0..4).map(|at| row(at, if at == 3 { 1 } else { -1 })).collect();
        let logits = [f32::NAN, 0.0, 1.0, 0.0, f32::INFINITY, 0.0, 0.0, f32::NEG_INFINITY];
        let (ids, _) = draw_all(&logits, 2, &rows, &Adjustment::default(), &how(0.0, 0, 1.0)).unwrap();
        assert_eq!(ids, [NOT_FINITE, 0, NOT_FINITE, NOT_FINITE]);
        let none = Adjustment { allowed: &[0], ..Adjustment::default() };
        let (ids, _) = draw_all(&logits, 2, &rows, &none, &how(1.0, 0, 1.0)).unwrap();
        assert_eq!(ids, [NOT_FINITE, ALL_EXCLUDED, NOT_FINITE, NOT_FINITE]);
    }

    #[test]
    fn what_does_not_fit_the_vocabulary_is_refused() {
        let wide = Adjustment { allowed: &[1, 1], ..Adjustment::default() };
        assert!(draw_all(&[0.0; 4], 4, &[row(0, -1)], &wide, &how(1.0, 0, 1.0)).is_none());
        assert!(draw_all(&[0.0; 4], 4, &[row(0, 4)], &Adjustment::default(), &how(1.0, 0, 1.0)).is_none());
    }
}
