//! Dropout (Srivastava et al. 2014) with Philox: which elements go depends on seed, stream and the rows' numbers alone, so
//! that neither threads nor cuts of a batch change it. Its backward pass is itself.

use super::GRAIN;
use crate::rng::philox;
use crate::threads::parallel_for;

/// Which random words are drawn: element j of row i takes word j % 4 of the counter (j / 4, rows[i], stream, 0).
#[derive(Clone, Copy)]
pub struct DropoutKey<'a> {
    pub seed: [u32; 2],
    pub stream: u32,
    /// `[B]`.
    pub rows: &'a [i32],
}

/// x `[B, C]` with elements dropped whose word / 2^32 is below `rate`, the others divided by 1 - `rate`.
///
/// # Safety
/// Both hold as many rows of `cols` numbers as the key has and do not overlap.
pub unsafe fn dropout(x: *const f32, out: *mut f32, cols: usize, rate: f64, key: DropoutKey) {
    let (x, out) = (x as usize, out as usize);
    let factor = (1.0 / (1.0 - rate)) as f32;
    let least = (rate * 4_294_967_296.0).ceil() as u64;
    parallel_for(key.rows.len(), 1 + GRAIN / (8 * cols.max(1)), &|range| {
        for row in range {
            for first in (0..cols).step_by(4) {
                let words = philox(key.seed, [first as u32 / 4, key.rows[row] as u32, key.stream, 0]);
                for (j, word) in (first..cols).zip(words) {
                    let at = row * cols + j;
                    unsafe {
                        let kept = *(x as *const f32).add(at) * factor;
                        *(out as *mut f32).add(at) = if (word as u64) < least { 0.0 } else { kept };
                    }
                }
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dropped(rows: &[i32], cols: usize, rate: f64, stream: u32) -> Vec<f32> {
        let x = vec![1.0f32; rows.len() * cols];
        let mut out = vec![f32::NAN; x.len()];
        let key = DropoutKey { seed: [7, 9], stream, rows };
        unsafe { dropout(x.as_ptr(), out.as_mut_ptr(), cols, rate, key) };
        out
    }

    #[test]
    fn a_row_depends_on_its_number_alone() {
        let all = dropped(&[3, 5, 3], 13, 0.4, 1);
        assert_eq!(all[..13], all[26..]);
        assert_eq!(all[13..26], dropped(&[5], 13, 0.4, 1));
        assert_ne!(all[..13], all[13..26]);
        assert_ne!(all, dropped(&[3, 5, 3], 13, 0.4, 2));
    }

    #[test]
    fn so_many_are_dropped_and_the_mean_stays() {
        let rows: Vec<i32> = (0..500).collect();
        let out = dropped(&rows, 64, 0.25, 0);
        let zeros = out.iter().filter(|value| **value == 0.0).count() as f64 / out.len() as f64;
        assert!((zeros - 0.25).abs() < 0.01, "{zeros}");
        assert!(out.iter().all(|value| *value == 0.0 || *value == 4.0 / 3.0));
        assert!(dropped(&rows, 64, 0.0, 0).iter().all(|value| *value == 1.0));
    }
}
