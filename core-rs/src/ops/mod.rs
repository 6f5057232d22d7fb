//! The ops of a layer, one a file, each with its scalar twin; backward passes stand in `gradient` below their forwards.

pub mod attention;
pub mod elementwise;
pub mod embed;
pub mod experts;
pub mod gemm;
pub mod heads;
pub mod latent_attention;
pub mod linear;
pub mod logits;
pub mod norm;
pub mod optimizer;
pub mod rope;
pub mod route;
