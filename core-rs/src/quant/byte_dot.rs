//! What the dot product takes as its second operand here. The relaxed dot promises 7 bits; most processors multiply
//! whole bytes, as unsigned or as signed ones, and then 8-bit levels need one dot instead of two. Chosen once, before
//! weights are packed; sums are exact in each way, so results do not depend on it. Knows no formats.

use crate::simd::{dot4, Act4, Bytes, I32x4, Weights4};
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// The second operand of `dot4`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ByteDot {
    /// 0..=127 only.
    SevenBits = 0,
    /// 0..=255.
    Unsigned = 1,
    /// -128..=127.
    Signed = 2,
}

/// Plain SIMD widens unsigned bytes; what relaxed SIMD does is found out by `probe`.
const BY_BUILD: ByteDot =
    if cfg!(target_feature = "relaxed-simd") { ByteDot::SevenBits } else { ByteDot::Unsigned };

#[cfg(not(test))]
static CHOSEN: AtomicU32 = AtomicU32::new(BY_BUILD as u32);
// Tests of both ways run side by side.
#[cfg(test)]
std::thread_local!(static CHOSEN_HERE: AtomicU32 = const { AtomicU32::new(BY_BUILD as u32) });

/// The way that formats use.
#[inline]
pub fn chosen() -> ByteDot {
    #[cfg(not(test))]
    let kind = CHOSEN.load(Relaxed);
    #[cfg(test)]
    let kind = CHOSEN_HERE.with(|kind| kind.load(Relaxed));
    match kind {
        1 => ByteDot::Unsigned,
        2 => ByteDot::Signed,
        _ => ByteDot::SevenBits,
    }
}

/// Sets the way; weights packed before are then read wrongly.
pub fn choose(kind: ByteDot) {
    #[cfg(not(test))]
    CHOSEN.store(kind as u32, Relaxed);
    #[cfg(test)]
    {
        CHOSEN_HERE.with(|chosen| chosen.store(kind as u32, Relaxed));
        crate::simd::SIGNED_BYTES.set(kind == ByteDot::Signed);
    }
}

/// What to flip in a signed byte, so that it is the second operand.
pub fn flipped_bits() -> u8 {
    if chosen() == ByteDot::Signed { 0 } else { 0x80 }
}

/// What this engine's dot takes. An engine may compile the probe twice, so ask again until both have answered.
pub fn probe() -> ByteDot {
    let acts: [[i8; 4]; 4] = core::hint::black_box([[-128; 4], [127; 4], [-1, 127, -128, 1], [127, 127, -1, 0]]);
    let bytes: [u8; 16] = core::hint::black_box([255, 255, 255, 255, 128, 127, 0, 200, 255, 128, 255, 129, 0, 255, 1, 254]);
    let agrees = |value: fn(u8) -> i32| {
        acts.iter().all(|act| {
            let dot = unsafe {
                let weights = Weights4::new(Bytes::load(bytes.as_ptr()));
                dot4(I32x4::splat(5), Act4::load(act.as_ptr().cast()), weights)
            };
            let twin = |row: usize| {
                (0..4).map(|j| i32::from(act[j]) * value(bytes[4 * row + j])).sum::<i32>() + 5
            };
            dot.to_array() == [twin(0), twin(1), twin(2), twin(3)]
        })
    };
    if agrees(i32::from) {
        ByteDot::Unsigned
    } else if agrees(|byte| i32::from(byte as i8)) {
        ByteDot::Signed
    } else {
        ByteDot::SevenBits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probe_tells_signed_bytes_from_unsigned_ones() {
        for kind in [ByteDot::Unsigned, ByteDot::Signed] {
            choose(kind);
            assert_eq!(probe(), kind);
        }
    }
}
