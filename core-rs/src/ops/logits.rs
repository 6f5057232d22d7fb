//! What is done with a row of logits at the end: log-probabilities of tokens, and the drawing of tokens. Keeps no state
//! between rows.

mod adjust;
mod draw;
mod gradient;
mod logprob;
mod rows;
mod twin;

pub use adjust::{adjusted, Adjustment};
pub use draw::{draw, draw_adjusted, Draw, NoDraw};
pub use gradient::{entropies, entropies_scalar, logprob_gradient, logprob_gradient_scalar};
pub use logprob::{best_logprobs, token_logprob, token_logprobs};
pub use rows::{draw_rows, RowDraw, ALL_EXCLUDED, NOT_FINITE};
pub use twin::{adjusted_scalar, draw_scalar, token_logprob_scalar, ScalarDraw};

#[cfg(test)]
mod tests;
