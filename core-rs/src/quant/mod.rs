//! Weight formats: what a block format has to provide, and the packed layout shared by all. Products are in `ops`.
//!
//! Packed weights are tiles of 8 rows (outputs). A tile of a block format is the sequence of its column blocks; a
//! packed block holds what the 8 rows' blocks hold in the file, in as many bytes: f16 scales of the 8 rows, f16 minima
//! if any, then the quants, interleaved so that one 16-byte load holds 4 rows x 4 columns (byte `4 lane + i` is column
//! `4 step + i`); where two rows share a byte the low bits are rows 0-3 and the high bits rows 4-7. Float formats are
//! `[tile][column][8 rows]` in their own width. Rows that fill up the last tile are zero.

pub mod activation;
pub mod blocks;
pub mod byte_dot;
pub mod codebooks;
pub mod fit;
pub mod float;
pub mod high_bits;
pub mod pack;
pub mod planes;
pub mod scalar;
pub mod six_bits;

use crate::half::f16_is_finite;
use crate::simd::{opaque_splat, Bytes, F16Constants, F32x4, I32x4};
use byte_dot::ByteDot;
use planes::{Expanded, InPlace, LevelSource, PlaneRoom, STEPS};

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
    /// 0x10 in each byte.
    pub fifth_bit: Bytes,
    /// 3 in each byte.
    pub pair: Bytes,
    /// 4 in each byte.
    pub third_bit: Bytes,
    /// 64 in each byte.
    pub middle: Bytes,
    /// Levels of IQ4, split in two (`blocks::iq4_nl`).
    pub codebook: [Bytes; 2],
    /// All ones where whole bytes are unsigned (`byte_dot`), zero where they are signed.
    pub if_unsigned: I32x4,
    /// 2, which keeps loops over the steps of a group from being unrolled whole (`planes::dot_group`).
    pub two: usize,
}

impl Constants {
    #[inline(always)]
    pub fn opaque() -> Self {
        Self {
            f16: F16Constants::opaque(),
            nibble: Bytes::from_i32_bits(opaque_splat(0x0f0f_0f0f)),
            upper_pair: Bytes::from_i32_bits(opaque_splat(0x3030_3030)),
            fifth_bit: Bytes::from_i32_bits(opaque_splat(0x1010_1010)),
            pair: Bytes::from_i32_bits(opaque_splat(0x0303_0303)),
            third_bit: Bytes::from_i32_bits(opaque_splat(0x0404_0404)),
            middle: Bytes::from_i32_bits(opaque_splat(0x4040_4040)),
            codebook: blocks::iq4_nl::tables(),
            two: core::hint::black_box(2),
            if_unsigned: I32x4::splat(if byte_dot::chosen() == ByteDot::Signed { 0 } else { -1 }),
        }
    }
}

/// A format of quantized blocks: the vector form over packed tiles and its scalar twin over the file's bytes. A format
/// has `levels` where a step is formed out of a few loads, and `form_plane` where columns are looked up or counted out
/// many at a time; each follows from the other one.
pub trait BlockFormat: Sized {
    /// Columns of a block.
    const COLS: usize;
    /// Bytes of one row's block in the file; a packed block has 8 times as many.
    const BYTES: usize;
    /// Where the file's block holds f16 numbers; they must be finite.
    const F16_OFFSETS: &'static [usize];
    /// Planes of levels that a block has, as a rule one for each 32 columns; two where a level takes more than 7 bits.
    const PLANES: usize = Self::COLS / GROUP;
    /// Whether products with many rows form the levels once and keep them a while; bare nibbles are not worth it.
    const EXPANDS: bool = true;
    /// Steps whose levels are best formed together: those that share a load.
    const UNROLLED: usize = 2;

    /// Whether the f16 numbers of the file's block are finite.
    /// # Safety
    /// `block` points to BYTES readable bytes.
    unsafe fn is_finite(block: *const u8) -> bool {
        let number = |&offset: &usize| block.add(offset).cast::<u16>().read_unaligned();
        Self::F16_OFFSETS.iter().map(number).all(f16_is_finite)
    }

    /// Whether one row of activations is best loaded once for several tiles: where levels are formed of few instructions.
    const SHARES_ROWS: bool = false;

    /// Packs the blocks of 8 rows.
    /// # Safety
    /// Each of `rows` points to BYTES readable bytes, `to` to 8 BYTES writable ones.
    unsafe fn pack(rows: &[*const u8; TILE], to: *mut u8);

    /// What the relaxed dot takes of one step of 4 columns, each byte within 0..=127: rows 0-3 and rows 4-7.
    /// # Safety
    /// `packed` points to a packed block; `plane` is below PLANES, `step` below 8.
    #[inline(always)]
    unsafe fn levels(packed: *const u8, plane: usize, step: usize, c: &Constants) -> [Bytes; 2] {
        let mut room = PlaneRoom::uninit();
        let levels = room.as_mut_ptr().cast::<u8>();
        Self::form_plane(packed, plane, levels, c);
        Expanded { levels, two: c.two }.levels(0, step)
    }

    /// Writes a plane's levels as `planes::Expanded` reads them.
    /// # Safety
    /// `packed` points to a packed block, `to` to EXPANDED_PLANE_BYTES writable bytes; `plane` is below PLANES.
    #[inline(always)]
    unsafe fn form_plane(packed: *const u8, plane: usize, to: *mut u8, c: &Constants) {
        for step in 0..STEPS {
            let [low, high] = Self::levels(packed, plane, step, c);
            low.store(to.add(32 * step));
            high.store(to.add(32 * step + 16));
        }
    }

    /// Adds a packed block's products with R activation rows to their sums, group by group in ascending order, with the
    /// levels out of `source`. Integer sums are exact; an output's chain of f32 operations is the same for every R.
    /// # Safety
    /// `packed` points to a packed block, each of `act` to COLS / 32 activation groups.
    unsafe fn accumulate<const R: usize>(
        sums: &mut [TileSums; R],
        packed: *const u8,
        source: impl LevelSource,
        act: [*const u8; R],
        c: &Constants,
    );

    /// `accumulate` of one activation row with a block of each of T tiles: the same chains, tile after tile unless the format
    /// has a better way (SHARES_ROWS).
    /// # Safety
    /// As of `accumulate`, for each tile.
    #[inline(always)]
    unsafe fn accumulate_tiles<const T: usize>(
        sums: &mut [TileSums; T],
        packed: [*const u8; T],
        act: *const u8,
        c: &Constants,
    ) {
        for (sums, packed) in sums.iter_mut().zip(packed) {
            let source = InPlace::<Self>::new(packed, c);
            Self::accumulate(core::array::from_mut(sums), packed, source, [act], c);
        }
    }

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
        $crate::quant::with_block_format!(@table $dtype, $format => $body;
            Q4_0 = q4_0::Q4_0,
            Q4_1 = q4_1::Q4_1,
            Q5_0 = q5_0::Q5_0,
            Q5_1 = q5_1::Q5_1,
            Q8_0 = q8_0::Q8_0,
            Q2K = q2_k::Q2K,
            Q3K = q3_k::Q3K,
            Q4K = q4_k::Q4K,
            Q5K = q5_k::Q5K,
            Q6K = q6_k::Q6K,
            Iq4Nl = iq4_nl::Iq4Nl,
            Iq4Xs = iq4_xs::Iq4Xs,
            Iq1S = grid::iq1_s::Iq1S,
            Iq1M = grid::iq1_m::Iq1M,
            Iq2Xxs = grid::iq2_xxs::Iq2Xxs,
            Iq2Xs = grid::iq2_xs::Iq2Xs,
            Iq2S = grid::iq2_s::Iq2S,
            Iq3Xxs = grid::iq3_xxs::Iq3Xxs,
            Iq3S = grid::iq3_s::Iq3S,
            Tq1_0 = ternary::tq1_0::Tq1_0,
            Tq2_0 = ternary::tq2_0::Tq2_0,
        )
    };
    (@table $dtype:expr, $format:ident => $body:expr; $($name:ident = $($path:ident)::+,)*) => {
        match $dtype {
            $crate::dtype::Dtype::Q8_0
                if $crate::quant::byte_dot::chosen() != $crate::quant::byte_dot::ByteDot::SevenBits =>
            {
                type $format = $crate::quant::blocks::q8_bytes::Q8Bytes;
                Some($body)
            }
            $($crate::dtype::Dtype::$name => {
                type $format = $crate::quant::blocks::$($path)::+;
                Some($body)
            })*
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
