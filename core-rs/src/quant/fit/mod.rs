//! Quantization of f32 values to blocks: the search for scales of the K formats, one file each, and the way over many
//! blocks on all threads. The 32-column formats follow gguf-py and stand beside their blocks.

mod q4_k;
mod q6_k;
#[cfg(test)]
mod tests;

use super::{blocks, with_block_format, BlockFormat};
use crate::dtype::Dtype;
use crate::half::{f16_is_finite, f32_to_bf16, f32_to_f16};
use crate::threads::parallel_for;
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Threads take portions of about this many values.
const PORTION: usize = 4096;

/// The function that writes one block of a format, if the crate writes it.
pub fn block_writer(dtype: Dtype) -> Option<fn(&[f32], &mut [u8])> {
    Some(match dtype {
        Dtype::Q4_0 => blocks::q4_0::quantize,
        Dtype::Q4_1 => blocks::q4_1::quantize,
        Dtype::Q8_0 => blocks::q8_0::quantize,
        Dtype::Q4K => q4_k::quantize,
        Dtype::Q6K => q6_k::quantize,
        Dtype::F32 => |x, out| out.copy_from_slice(&x[0].to_le_bytes()),
        Dtype::F16 => |x, out| out.copy_from_slice(&f32_to_f16(x[0]).to_le_bytes()),
        Dtype::Bf16 => |x, out| out.copy_from_slice(&f32_to_bf16(x[0]).to_le_bytes()),
        _ => return None,
    })
}

/// Writes `count` values (whole blocks) in a format. False if a value, or a number of the result, is not finite.
/// # Safety
/// Both ranges are valid and do not overlap; `block_writer` knows the format.
pub unsafe fn quantize(dtype: Dtype, values: *const f32, out: *mut u8, count: usize) -> bool {
    let Some(write) = block_writer(dtype) else { return false };
    let (cols, bytes) = dtype.block();
    let (from, to) = (values as usize, out as usize);
    let finite = AtomicBool::new(true);
    parallel_for(count / cols, PORTION.div_ceil(cols), &|range| {
        for block in range {
            let x = core::slice::from_raw_parts((from as *const f32).add(block * cols), cols);
            let out = core::slice::from_raw_parts_mut((to as *mut u8).add(block * bytes), bytes);
            write(x, out);
            if !(x.iter().all(|x| x.is_finite()) && is_finite(dtype, out)) {
                finite.store(false, Relaxed);
            }
        }
    });
    finite.into_inner()
}

/// Whether the numbers of one written block are finite: large values overflow f16.
fn is_finite(dtype: Dtype, block: &[u8]) -> bool {
    let half = |at: usize| u16::from_le_bytes([block[at], block[at + 1]]);
    match dtype {
        Dtype::F16 => f16_is_finite(half(0)),
        Dtype::Bf16 => half(0) & 0x7f80 != 0x7f80,
        _ => with_block_format!(dtype, F => F::F16_OFFSETS.iter().all(|&at| f16_is_finite(half(at))))
            .unwrap_or(true),
    }
}

/// A factor as f16 keeps it.
fn rounded_to_f16(x: f32) -> f32 {
    crate::half::f16_to_f32(f32_to_f16(x))
}
