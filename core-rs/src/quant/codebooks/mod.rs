//! Codebooks of the formats with indices: what stands for four or eight columns at a time. The files hold them as the
//! formats define them, a few bits a column; here they become bytes when the crate is compiled. Knows no blocks.

mod iq1;
mod iq2_s;
mod iq2_xs;
mod iq2_xxs;
mod iq3_s;
mod iq3_xxs;

/// Entries of `COLS` columns: `bytes[i]` for each number i of `16 / COLS` bits.
const fn spell<const COLS: usize, const N: usize>(
    entries: &[u16; N],
    bytes: &[u8],
) -> [[u8; COLS]; N] {
    let bits = 16 / COLS;
    let mut out = [[0; COLS]; N];
    let mut i = 0;
    while i < N {
        let mut column = 0;
        while column < COLS {
            let number = entries[i] >> (bits * column) & ((1 << bits) - 1);
            out[i][column] = bytes[number as usize];
            column += 1;
        }
        i += 1;
    }
    out
}

/// Magnitudes of IQ2.
const IQ2: [u8; 3] = [8, 25, 43];

pub static IQ2_XXS: [[u8; 8]; 256] = spell(&iq2_xxs::ENTRIES, &IQ2);
pub static IQ2_XS: [[u8; 8]; 512] = spell(&iq2_xs::ENTRIES, &IQ2);
pub static IQ2_S: [[u8; 8]; 1024] = spell(&iq2_s::ENTRIES, &IQ2);
pub static IQ3_XXS: [[u8; 4]; 256] = spell(&iq3_xxs::ENTRIES, &[4, 12, 20, 28, 36, 44, 52, 62]);
pub static IQ3_S: [[u8; 4]; 512] = spell(&iq3_s::ENTRIES, &[1, 3, 5, 7, 9, 11, 13, 15]);
/// 8 and eight times -1, 0 or 1: IQ1 adds or subtracts an eighth.
pub static IQ1: [[u8; 8]; 2048] = spell(&iq1::ENTRIES, &[0, 8, 16]);

#[cfg(test)]
mod tests {
    use super::*;

    /// FNV-1a of all entries.
    fn hash<const COLS: usize>(entries: &[[u8; COLS]]) -> u32 {
        entries.as_flattened().iter().fold(0x811c_9dc5, |total: u32, &byte| {
            (total ^ u32::from(byte)).wrapping_mul(0x0100_0193)
        })
    }

    #[test]
    fn codebooks_are_those_of_gguf_py() {
        let text = include_str!("../../../../tests/fixtures/quant/quant.json");
        let expected = |name: &str| -> Option<u32> {
            let entry = text.split(&format!("\"codebook\": \"{name}\"")).nth(1)?;
            let digits = entry.split("\"fnv1a\":").nth(1)?.split('}').next()?;
            digits.trim().parse().ok()
        };
        for (name, hash) in [
            ("IQ1_S", hash(&IQ1)),
            ("IQ2_XXS", hash(&IQ2_XXS)),
            ("IQ2_XS", hash(&IQ2_XS)),
            ("IQ2_S", hash(&IQ2_S)),
            ("IQ3_XXS", hash(&IQ3_XXS)),
            ("IQ3_S", hash(&IQ3_S)),
        ] {
            assert_eq!(Some(hash), expected(name), "{name}");
        }
    }
}
