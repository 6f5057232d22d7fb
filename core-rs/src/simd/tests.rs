//! Tests of the vector values against scalar arithmetic; on wasm the same facts are checked by `dot_check` and the kernels.

use super::*;
use crate::half::{f16_is_finite, f16_to_f32};

#[test]
fn load_f16_is_exact_for_every_finite_pattern() {
    for half in (0..=u16::MAX).filter(|&h| f16_is_finite(h)) {
        let bytes: Vec<u8> = [half; 4].iter().flat_map(|h| h.to_le_bytes()).collect();
        let lanes = unsafe { F32x4::load_f16(bytes.as_ptr()) }.to_array();
        assert_eq!(lanes[2].to_bits(), f16_to_f32(half).to_bits(), "{half:#x}");
    }
}

#[test]
fn store_f16_writes_four_lanes_in_order() {
    let mut bytes = [0u8; 8];
    unsafe { F32x4::from_array([1.0, -2.0, 1e6, 6e-8]).store_f16(bytes.as_mut_ptr()) };
    assert_eq!(bytes, [0x00, 0x3c, 0x00, 0xc0, 0x00, 0x7c, 0x01, 0x00]);
}

#[test]
fn dot4_is_exact_at_the_extremes() {
    for (activation, weight) in [(-128i8, 127u8), (127, 127), (-127, 15), (1, 0)] {
        let act = unsafe { Act4::load([activation as u8; 4].as_ptr()) };
        let sums = dot4(I32x4::splat(5), act, Weights4::new(Bytes::splat(weight))).to_array();
        assert_eq!(sums, [5 + 4 * i32::from(activation) * i32::from(weight); 4]);
    }
}

#[test]
fn shifts_and_narrowing_keep_byte_order() {
    let bytes: [u8; 16] = core::array::from_fn(|i| (i * 17) as u8);
    let mut out = [0u8; 16];
    let shifted = unsafe { Bytes::load(bytes.as_ptr()) }.shr_pairs::<4>() & Bytes::splat(15);
    unsafe { shifted.store(out.as_mut_ptr()) };
    assert_eq!(out, bytes.map(|b| b >> 4));
    let lanes: [I32x4; 4] = core::array::from_fn(|i| I32x4::splat(i as i32 - 2));
    let narrow = Bytes::from_i32(lanes);
    unsafe { narrow.store(out.as_mut_ptr()) };
    assert_eq!(out.map(|b| b as i8)[..8], [-2, -2, -2, -2, -1, -1, -1, -1]);
    assert_eq!(narrow.sum4_signed().to_array(), [-8, -4, 0, 4]);
}
