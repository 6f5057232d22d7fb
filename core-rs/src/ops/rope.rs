//! Rotary position embedding (Su et al., 2104.09864): a table of cosines and sines for a batch's positions, and the rotation.
//! Angles are formed in f32 as position * frequency, as the reference implementations do; their cosines in f64.

use crate::threads::parallel_for;

/// table `[B, half, 2]` = (cos, sin) of position * base^(-i / half) / factors[i]; `factors` may be null.
///
/// # Safety
/// positions `[B]`, factors `[half]` or null, table as above.
pub unsafe fn rope_table(positions: *const i32, factors: *const f32, table: *mut f32, rows: usize, half: usize, base: f32) {
    let frequencies: Vec<f32> = (0..half)
        .map(|i| {
            let frequency = 1.0 / (base as f64).powf(i as f64 / half as f64) as f32;
            if factors.is_null() { frequency } else { frequency / *factors.add(i) }
        })
        .collect();
    let (positions, table) = (positions as usize, table as usize);
    parallel_for(rows, (256 / half.max(1)).max(1), &|range| {
        for row in range {
            for (i, frequency) in frequencies.iter().enumerate() {
                unsafe {
                    let angle = *(positions as *const i32).add(row) as f32 * frequency;
                    let (sin, cos) = (angle as f64).sin_cos();
                    let cell = (table as *mut f32).add(2 * (row * half + i));
                    *cell = cos as f32;
                    *cell.add(1) = sin as f32;
                }
            }
        }
    });
}

/// How the elements of a head pair up.
#[derive(Clone, Copy, PartialEq)]
pub enum Pairing {
    /// (x0, x1), (x2, x3), ...
    Interleaved,
    /// (x0, x[half]), (x1, x[half + 1]), ...
    Halves,
}

/// Rotates the first `2 half` elements of each head; the rest are copied. x and out `[B, H, D]`, table `[B, half, 2]`.
///
/// # Safety
/// The pointers hold these shapes, `2 half <= head_size`, and `out` overlaps no input.
#[allow(clippy::too_many_arguments)]
pub unsafe fn rope(x: *const f32, table: *const f32, out: *mut f32, rows: usize, heads: usize, head_size: usize, half: usize, pairing: Pairing) {
    let (x, table, out) = (x as usize, table as usize, out as usize);
    parallel_for(rows, (8192 / (heads * head_size).max(1)).max(1), &|range| {
        for row in range {
            for head in 0..heads {
                let at = (row * heads + head) * head_size;
                unsafe {
                    let table = (table as *const f32).add(2 * row * half);
                    rotate_head((x as *const f32).add(at), table, (out as *mut f32).add(at), head_size, half, pairing);
                }
            }
        }
    });
}

#[inline(always)]
unsafe fn rotate_head(x: *const f32, table: *const f32, out: *mut f32, head_size: usize, half: usize, pairing: Pairing) {
    for i in 0..half {
        let (a, b) = match pairing {
            Pairing::Interleaved => (2 * i, 2 * i + 1),
            Pairing::Halves => (i, i + half),
        };
        let (cos, sin) = (*table.add(2 * i), *table.add(2 * i + 1));
        let (xa, xb) = (*x.add(a), *x.add(b));
        *out.add(a) = xa * cos - xb * sin;
        *out.add(b) = xa * sin + xb * cos;
    }
    for i in 2 * half..head_size {
        *out.add(i) = *x.add(i);
    }
}

/// What the scalar twin turns: the sizes and the base of table and rotation.
#[derive(Clone, Copy)]
pub struct Turn {
    pub heads: usize,
    pub head_size: usize,
    pub half: usize,
    pub base: f32,
    pub pairing: Pairing,
}

/// Table and rotation in one, in f64 but for frequencies and angles, which are f32 by definition. x `[B, H, D]`, positions `[B]`.
pub fn rope_scalar(x: &[f32], positions: &[i32], factors: Option<&[f32]>, turn: Turn) -> Vec<f32> {
    let Turn { heads, head_size, half, base, pairing } = turn;
    let mut out = x.to_vec();
    for (at, (head, turned)) in x.chunks(head_size).zip(out.chunks_mut(head_size)).enumerate() {
        for i in 0..half {
            let plain = 1.0 / (base as f64).powf(i as f64 / half as f64) as f32;
            let frequency = factors.map_or(plain, |f| plain / f[i]);
            let (sin, cos) = ((positions[at / heads] as f32 * frequency) as f64).sin_cos();
            let (a, b) = if pairing == Pairing::Halves { (i, i + half) } else { (2 * i, 2 * i + 1) };
            let (xa, xb) = (head[a] as f64, head[b] as f64);
            turned[a] = (xa * cos - xb * sin) as f32;
            turned[b] = (xa * sin + xb * cos) as f32;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quant::tests::Rng;

    fn turned(x: &[f32], positions: &[i32], factors: Option<&[f32]>, turn: Turn) -> Vec<f32> {
        let Turn { heads, head_size, half, base, pairing } = turn;
        let (rows, factors) = (positions.len(), factors.map_or(core::ptr::null(), |f| f.as_ptr()));
        let (mut table, mut out) = (vec![f32::NAN; rows * half * 2], vec![f32::NAN; x.len()]);
        unsafe {
            rope_table(positions.as_ptr(), factors, table.as_mut_ptr(), rows, half, base);
            rope(x.as_ptr(), table.as_ptr(), out.as_mut_ptr(), rows, heads, head_size, half, pairing);
        }
        out
    }

    #[test]
    fn rope_matches_its_twin() {
        let mut rng = Rng::new(3);
        let positions = [0, 1, 2, 31, 32, 33, 8191];
        for half in [1usize, 2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 32, 33] {
            for (pairing, tail) in [(Pairing::Halves, 0), (Pairing::Interleaved, 0), (Pairing::Halves, 3), (Pairing::Interleaved, 3)] {
                let turn = Turn { heads: 3, head_size: 2 * half + tail, half, base: 10000.0, pairing };
                let x: Vec<f32> = (0..positions.len() * 3 * turn.head_size).map(|_| rng.signed_unit()).collect();
                let factors: Vec<f32> = (0..half).map(|i| 1.0 + i as f32).collect();
                for factors in [None, Some(factors.as_slice())] {
                    let got = turned(&x, &positions, factors, turn);
                    for (i, (a, b)) in got.iter().zip(rope_scalar(&x, &positions, factors, turn)).enumerate() {
                        assert!((a - b).abs() <= 2.5e-7, "half {half} tail {tail} at {i}: {a} {b}");
                    }
                }
            }
        }
    }

    #[test]
    fn rope_turns_by_the_angle_and_keeps_the_tail() {
        let turn = Turn { heads: 2, head_size: 6, half: 2, base: 100.0, pairing: Pairing::Halves };
        let x: Vec<f32> = (0..24).map(|i| i as f32).collect();
        let out = turned(&x, &[0, 3], None, turn);
        assert_eq!(out[..12], x[..12]); // position 0 turns nothing
        let angle = 3.0f32 * 0.1; // base^(-1/2)
        assert!((out[13] - (13.0 * angle.cos() - 15.0 * angle.sin())).abs() < 1e-5);
        assert!((out[15] - (13.0 * angle.sin() + 15.0 * angle.cos())).abs() < 1e-5);
        assert_eq!(out[16..18], x[16..18]);
    }
}
