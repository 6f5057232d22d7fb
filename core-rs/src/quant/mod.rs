//! Weight formats: what a block format has to provide, and the packed layout shared by all. Products are in `ops`.
//!
//! Packed weights are tiles of 8 rows (outputs). A tile of a block format is the sequence of its column blocks; a
//! packed block holds what the 8 rows' blocks hold in the file, in as many bytes: f16 scales of the 8 rows, f16 minima
//! if any, then the quants, interleaved so that one 16-byte load holds 4 rows x 4 columns (byte `4 lane + i` is column
//! `4 step + i`); where two rows share a byte the low bits are rows 0-3 and the high bits rows 4-7. Float formats are
//! `[tile][column][8 rows]` in their own width. Rows that fill up the last tile are zero.

pub mod activation;
pub mod blocks;
pub mod float;
pub mod pack;
pub mod planes;
pub mod scalar;

use crate::simd::{opaque_splat, Bytes, F16Constants, F32x4};

/// Weight rows of a tile.
pub const TILE: usize = 8;
/// Columns that share one activation scale; every block format has a multiple of it.
pub const GROUP: usize = 32;

/// One f32 sum for each of a tile's 8 rows.
pub type TileSums = [F32x4; 2];

/// Vectors that the block formats share and that are made once for a loop over blocks.
#[derive(Clone, Copy)]
pub struct Constants {
    pub f16: F16Constants,
    /// 15 in each byte.
    pub nibble: Bytes,
    /// 0x30 in each byte.
    pub upper_pair: Bytes,
}

impl Constants {
    #[inline(always)]
    pub fn opaque() -> Self {
        Self {
            f16: F16Constants::opaque(),
            nibble: Bytes::from_i32_bits(opaque_splat(0x0f0f_0f0f)),
            upper_pair: Bytes::from_i32_bits(opaque_splat(0x3030_3030)),
        }
    }
}

/// A format of quantized blocks: the vector form over packed tiles and its scalar twin over the file's bytes.
pub trait BlockFormat {
    /// Columns of a block.
    const COLS: usize;
    /// Bytes of one row's block in the file; a packed block has 8 times as many.
    const BYTES: usize;
    /// Where the file's block holds f16 numbers; they must be finite.
    const F16_OFFSETS: &'static [usize];

    /// Packs the blocks of 8 rows.
    /// # Safety
    /// Each of `rows` points to BYTES readable bytes, `to` to 8 BYTES writable ones.
    unsafe fn pack(rows: &[*const u8; TILE], to: *mut u8);

    /// Adds a packed block's products with R activation rows to their sums, group by group in ascending order.
    /// Integer sums are exact; an output's chain of f32 operations is the same for every R.
    /// # Safety
    /// `packed` points to a packed block, each of `act` to COLS / 32 activation groups.
    unsafe fn accumulate<const R: usize>(
        sums: &mut [TileSums; R],
        packed: *const u8,
        act: [*const u8; R],
        c: &Constants,
    );

    /// Dequantizes the block of one row (0..8) of a packed block.
    /// # Safety
    /// `packed` points to a packed block, `to` to COLS writable f32.
    unsafe fn unpack_row(packed: *const u8, row: usize, to: *mut f32);

    /// Scalar twin: the values of the file's block.
    fn dequantize(block: &[u8], to: &mut [f32]);

    /// Scalar twin of `accumulate` for one output: `quants` whole activations [COLS], `scales` theirs [COLS / 32].
    fn accumulate_scalar(sum: f32, block: &[u8], quants: &[i32], scales: &[f32]) -> f32;
}

/// Evaluates an expression with `$format` standing for the block format of a quantized `Dtype`; `None` for a float one.
macro_rules! with_block_format {
    ($dtype:expr, $format:ident => $body:expr) => {
        match $dtype {
            $crate::dtype::Dtype::Q4_0 => {
                type $format = $crate::quant::blocks::q4_0::Q4_0;
                Some($body)
            }
            $crate::dtype::Dtype::Q4_1 => {
                type $format = $crate::quant::blocks::q4_1::Q4_1;
                Some($body)
            }
            $crate::dtype::Dtype::Q8_0 => {
                type $format = $crate::quant::blocks::q8_0::Q8_0;
                Some($body)
            }
            $crate::dtype::Dtype::Q6K => {
                type $format = $crate::quant::blocks::q6_k::Q6K;
                Some($body)
            }
            _ => None,
        }
    };
}

/// Evaluates an expression with `$format` standing for the float format of a `Dtype`; `None` for a quantized one.
macro_rules! with_float_format {
    ($dtype:expr, $format:ident => $body:expr) => {
        match $dtype {
            $crate::dtype::Dtype::F32 => {
                type $format = $crate::quant::float::Float32;
                Some($body)
            }
            $crate::dtype::Dtype::F16 => {
                type $format = $crate::quant::float::Float16;
                Some($body)
            }
            $crate::dtype::Dtype::Bf16 => {
                type $format = $crate::quant::float::Brain16;
                Some($body)
            }
            _ => None,
        }
    };
}
pub(crate) use {with_block_format, with_float_format};

/// Sum of activation x level products, the scalar twins' inner loop.
pub(crate) fn integer_dot(quants: &[i32], level: impl Fn(usize) -> i32) -> i32 {
    quants.iter().enumerate().map(|(i, &q)| q * level(i)).sum()
}

#[cfg(test)]
pub(crate) mod tests;
