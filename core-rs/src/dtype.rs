//! The number formats of GGUF tensors: ids, block shapes, sizes in bytes. No arithmetic.

/// A tensor's format; the numbers are ggml's type ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Dtype {
    F32 = 0,
    F16 = 1,
    Q4_0 = 2,
    Q4_1 = 3,
    Q5_0 = 6,
    Q5_1 = 7,
    Q8_0 = 8,
    Q2K = 10,
    Q3K = 11,
    Q4K = 12,
    Q5K = 13,
    Q6K = 14,
    Iq2Xxs = 16,
    Iq2Xs = 17,
    Iq3Xxs = 18,
    Iq1S = 19,
    Iq4Nl = 20,
    Iq3S = 21,
    Iq2S = 22,
    Iq4Xs = 23,
    Iq1M = 29,
    Bf16 = 30,
    Tq1_0 = 34,
    Tq2_0 = 35,
}

impl Dtype {
    pub const ALL: [Dtype; 24] = [
        Self::F32,
        Self::F16,
        Self::Q4_0,
        Self::Q4_1,
        Self::Q5_0,
        Self::Q5_1,
        Self::Q8_0,
        Self::Q2K,
        Self::Q3K,
        Self::Q4K,
        Self::Q5K,
        Self::Q6K,
        Self::Iq2Xxs,
        Self::Iq2Xs,
        Self::Iq3Xxs,
        Self::Iq1S,
        Self::Iq4Nl,
        Self::Iq3S,
        Self::Iq2S,
        Self::Iq4Xs,
        Self::Iq1M,
        Self::Bf16,
        Self::Tq1_0,
        Self::Tq2_0,
    ];

    /// The format with a ggml type id, if the crate has it.
    pub fn from_id(id: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|&dtype| dtype as u32 == id)
    }

    /// Columns and bytes of one block of one row; float formats have blocks of one.
    pub const fn block(self) -> (usize, usize) {
        match self {
            Self::F32 => (1, 4),
            Self::F16 | Self::Bf16 => (1, 2),
            Self::Q4_0 | Self::Iq4Nl => (32, 18),
            Self::Q4_1 => (32, 20),
            Self::Q5_0 => (32, 22),
            Self::Q5_1 => (32, 24),
            Self::Q8_0 => (32, 34),
            Self::Q2K => (256, 84),
            Self::Q3K => (256, 110),
            Self::Q4K => (256, 144),
            Self::Q5K => (256, 176),
            Self::Q6K => (256, 210),
            Self::Iq4Xs => (256, 136),
            Self::Iq1S => (256, 50),
            Self::Iq1M => (256, 56),
            Self::Iq2Xxs | Self::Tq2_0 => (256, 66),
            Self::Iq2Xs => (256, 74),
            Self::Iq2S => (256, 82),
            Self::Iq3Xxs => (256, 98),
            Self::Iq3S => (256, 110),
            Self::Tq1_0 => (256, 54),
        }
    }

    /// Whether products take int8 activations (`quant::activation`) instead of f32.
    pub fn is_quantized(self) -> bool {
        self.block().0 > 1
    }

    /// Bytes of one row, unless `cols` is not a whole number of blocks.
    pub fn row_bytes(self, cols: usize) -> Option<usize> {
        let (block_cols, block_bytes) = self.block();
        cols.is_multiple_of(block_cols).then(|| cols / block_cols)?.checked_mul(block_bytes)
    }

    /// Bytes of `rows` packed rows: whole tiles of 8, otherwise no larger than in the file.
    pub fn packed_bytes(self, rows: usize, cols: usize) -> Option<usize> {
        self.row_bytes(cols)?.checked_mul(rows.div_ceil(8))?.checked_mul(8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_follow_the_blocks() {
        assert_eq!(Dtype::from_id(14), Some(Dtype::Q6K));
        assert_eq!(Dtype::from_id(99), None);
        assert_eq!(Dtype::Q4_1.row_bytes(64), Some(40));
        assert_eq!(Dtype::Q6K.row_bytes(128), None);
        assert_eq!(Dtype::Bf16.packed_bytes(9, 3), Some(96));
        assert_eq!(Dtype::F32.packed_bytes(usize::MAX, 2), None);
    }
}
