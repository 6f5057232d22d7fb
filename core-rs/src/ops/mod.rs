//! The ops of a layer, one a file. Forward and backward of an op stand in the same file.

pub mod attention;
pub mod elementwise;
pub mod embed;
pub mod linear;
pub mod logits;
pub mod norm;
pub mod rope;
