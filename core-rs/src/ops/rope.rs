//! Rotary position embedding (Su et al., 2104.09864): a table of cosines and sines for a batch's positions, and the rotation.
//! Angles are formed in f32 as position * frequency, as the reference implementations do; their cosines in f64.

use crate::threads::parallel_for;

/// table `[B, half, 2]` = magnitude * (cos, sin) of position * base^(-i / half) / factors[i]; `factors` may be null.
///
/// # Safety
/// positions `[B]`, factors `[half]` or null, table as above.
pub unsafe fn rope_table(
    positions: *const i32,
    factors: *const f32,
    table: *mut f32,
    rows: usize,
    half: usize,
    base: f32,
    magnitude: f32,
) {
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
                    *cell = cos as f32 * magnitude;
                    *cell.add(1) = sin as f32 * magnitude;
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

/// The heads of a rotation: elements `start..start + 2 half` of each turn, the others are copied.
#[derive(Clone, Copy)]
pub struct RotaryHeads {
    pub heads: usize,
    pub head_size: usize,
    pub start: usize,
    pub half: usize,
    pub pairing: Pairing,
}

/// Rotates each head of x `[B, H, D]` to out `[B, H, D]` by table `[B, half, 2]`.
///
/// # Safety
/// The pointers hold these shapes, `start + 2 half <= head_size`, and `out` overlaps no input.
pub unsafe fn rope(x: *const f32, table: *const f32, out: *mut f32, rows: usize, shape: RotaryHeads) {
    turn(x, table, out, rows, shape, 1.0);
}

/// Backward: turns d `[B, H, D]` the other way, times the same magnitude.
///
/// # Safety
/// As `rope`.
pub unsafe fn rope_gradient(d: *const f32, table: *const f32, out: *mut f32, rows: usize, shape: RotaryHeads) {
    turn(d, table, out, rows, shape, -1.0);
}

/// Rotates by the table's angles times `direction`, 1 or -1.
unsafe fn turn(x: *const f32, table: *const f32, out: *mut f32, rows: usize, shape: RotaryHeads, direction: f32) {
    let RotaryHeads { heads, head_size, half, .. } = shape;
    let (x, table, out) = (x as usize, table as usize, out as usize);
    parallel_for(rows, (8192 / (heads * head_size).max(1)).max(1), &|range| {
        for row in range {
            for head in 0..heads {
                let at = (row * heads + head) * head_size;
                unsafe {
                    let table = (table as *const f32).add(2 * row * half);
                    rotate_head((x as *const f32).add(at), table, (out as *mut f32).add(at), shape, direction);
                }
            }
        }
    });
}

#[inline(always)]
unsafe fn rotate_head(x: *const f32, table: *const f32, out: *mut f32, shape: RotaryHeads, direction: f32) {
    let RotaryHeads { head_size, start, half, pairing, .. } = shape;
    let (turning, turned) = (x.add(start), out.add(start));
    for i in 0..half {
        let (a, b) = pair(pairing, half, i);
        let (cos, sin) = (*table.add(2 * i), *table.add(2 * i + 1) * direction);
        let (xa, xb) = (*turning.add(a), *turning.add(b));
        *turned.add(a) = xa * cos - xb * sin;
        *turned.add(b) = xa * sin + xb * cos;
    }
    for i in (0..start).chain(start + 2 * half..head_size) {
        *out.add(i) = *x.add(i);
    }
}

/// The rotating elements of pair `i`.
#[inline(always)]
fn pair(pairing: Pairing, half: usize, i: usize) -> (usize, usize) {
    match pairing {
        Pairing::Interleaved => (2 * i, 2 * i + 1),
        Pairing::Halves => (i, i + half),
    }
}

/// What the scalar twin turns: heads, and base and magnitude of the table.
#[derive(Clone, Copy)]
pub struct Turn {
    pub shape: RotaryHeads,
    pub base: f32,
    pub magnitude: f32,
}

/// Table and rotation in one, in f64 but for frequencies and angles, which are f32 by definition. x `[B, H, D]`, positions `[B]`.
pub fn rope_scalar(x: &[f32], positions: &[i32], factors: Option<&[f32]>, turn: Turn) -> Vec<f32> {
    let Turn { shape: RotaryHeads { heads, head_size, start, half, pairing }, base, magnitude } = turn;
    let mut out = x.to_vec();
    for (at, (head, turned)) in x.chunks(head_size).zip(out.chunks_mut(head_size)).enumerate() {
        for i in 0..half {
            let plain = 1.0 / (base as f64).powf(i as f64 / half as f64) as f32;
            let frequency = factors.map_or(plain, |f| plain / f[i]);
            let (sin, cos) = ((positions[at / heads] as f32 * frequency) as f64).sin_cos();
            let (a, b) = if pairing == Pairing::Halves { (i, i + half) } else { (2 * i, 2 * i + 1) };
            let (xa, xb) = (head[start + a] as f64, head[start + b] as f64);
            turned[start + a] = (magnitude as f64 * (xa * cos - xb * sin)) as f32;
            turned[start + b] = (magnitude as f64 * (xa * sin + xb * cos)) as f32;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quant::tests::Rng;

    fn turned(x: &[f32], positions: &[i32], factors: Option<&[f32]>, turn: Turn) -> Vec<f32> {
        let Turn { shape, base, magnitude } = turn;
        let (rows, half) = (positions.len(), shape.half);
        let factors = factors.map_or(core::ptr::null(), |f| f.as_ptr());
        let (mut table, mut out) = (vec![f32::NAN; rows * half * 2], vec![f32::NAN; x.len()]);
        unsafe {
            rope_table(positions.as_ptr(), factors, table.as_mut_ptr(), rows, half, base, magnitude);
            rope(x.as_ptr(), table.as_ptr(), out.as_mut_ptr(), rows, shape);
        }
        out
    }

    #[test]
    fn rope_matches_its_twin() {
        let mut rng = Rng::new(3);
        let positions = [0, 1, 2, 31, 32, 33, 8191];
        for half in [1usize, 2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 32, 33] {
            let ends = |pairing| [(pairing, 0, 0), (pairing, 0, 3), (pairing, 5, 0), (pairing, 2, 1)];
            for (pairing, start, tail) in [Pairing::Halves, Pairing::Interleaved].into_iter().flat_map(ends) {
                let shape = RotaryHeads { heads: 3, head_size: start + 2 * half + tail, start, half, pairing };
                // Magnitudes up to 1: the bound below is one of results up to the inputs' size.
                let turn = Turn { shape, base: 10000.0, magnitude: if tail == 0 { 1.0 } else { 0.7 } };
                let x: Vec<f32> = (0..positions.len() * 3 * shape.head_size).map(|_| rng.signed_unit()).collect();
                let factors: Vec<f32> = (0..half).map(|i| 1.0 + i as f32).collect();
                for factors in [None, Some(factors.as_slice())] {
                    let got = turned(&x, &positions, factors, turn);
                    for (i, (a, b)) in got.iter().zip(rope_scalar(&x, &positions, factors, turn)).enumerate() {
                        assert!((a - b).abs() <= 2.5e-7, "half {half} start {start} tail {tail} at {i}: {a} {b}");
                    }
                }
            }
        }
    }

    #[test]
    fn rope_turns_by_the_angle_and_keeps_the_tail() {
        let shape = RotaryHeads { heads: 2, head_size: 6, start: 0, half: 2, pairing: Pairing::Halves };
        let turn = Turn { shape, base: 100.0, magnitude: 1.0 };
        let x: Vec<f32> = (0..24).map(|i| i as f32).collect();
        let out = turned(&x, &[0, 3], None, turn);
        assert_eq!(out[..12], x[..12]); // position 0 turns nothing
        let angle = 3.0f32 * 0.1; // base^(-1/2)
        assert!((out[13] - (13.0 * angle.cos() - 15.0 * angle.sin())).abs() < 1e-5);
        assert!((out[15] - (13.0 * angle.sin() + 15.0 * angle.cos())).abs() < 1e-5);
        assert_eq!(out[16..18], x[16..18]);
    }
    #[test]
    fn rope_turns_from_the_start_and_grows_by_the_magnitude() {
        let shape = RotaryHeads { heads: 1, head_size: 6, start: 2, half: 2, pairing: Pairing::Interleaved };
        let x: Vec<f32> = (1..7).map(|i| i as f32).collect();
        let out = turned(&x, &[3], None, Turn { shape, base: 100.0, magnitude: 2.0 });
        assert_eq!(out[..2], x[..2]);
        assert!((out[2] - 2.0 * (3.0 * 3f32.cos() - 4.0 * 3f32.sin())).abs() < 1e-5);
        let angle = 3.0f32 * 0.1;
        assert!((out[5] - 2.0 * (5.0 * angle.sin() + 6.0 * angle.cos())).abs() < 1e-5);
    }

    #[test]
    fn the_gradient_is_the_slope_of_the_turn() {
        use crate::slopes::{assert_near, slopes};
        let mut rng = Rng::new(4);
        for pairing in [Pairing::Halves, Pairing::Interleaved] {
            let shape = RotaryHeads { heads: 2, head_size: 9, start: 2, half: 3, pairing };
            let turn = Turn { shape, base: 100.0, magnitude: 0.7 };
            let positions = [3, 11];
            let [x, d]: [Vec<f32>; 2] = core::array::from_fn(|_| (0..36).map(|_| rng.signed_unit()).collect());
            let mut table = vec![0.0; 2 * 3 * 2];
            let mut out = vec![f32::NAN; 36];
            unsafe {
                rope_table(positions.as_ptr(), core::ptr::null(), table.as_mut_ptr(), 2, 3, 100.0, 0.7);
                rope_gradient(d.as_ptr(), table.as_ptr(), out.as_mut_ptr(), 2, shape);
            }
            // The turn is linear, so f32 inputs a step of 1 apart give its slopes.
            let loss = |x: &[f64]| {
                let x: Vec<f32> = x.iter().map(|x| (x * 1e5) as f32).collect();
                rope_scalar(&x, &positions, None, turn).iter().zip(&d).map(|(y, d)| *y as f64 * *d as f64).sum::<f64>() / 1e5
            };
            let far: Vec<f32> = x.iter().map(|x| x * 1e-5).collect();
            assert_near(&out, &slopes(&far, loss), 1e-5, "rope");
        }
    }
}
