//! Survives the panics of decoders.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::{DevelopError, PANICKED};

/// Turns a panic into an error. Bytes from strangers may violate an assertion inside a decoder, and the process has to
/// survive that.
pub(crate) fn guarded<T>(work: impl FnOnce() -> Result<T, DevelopError>) -> Result<T, DevelopError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(DevelopError::corrupt(PANICKED)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panicking_decoder_is_a_corrupt_image_and_the_process_lives_on() {
        let outcome: Result<(), _> = guarded(|| panic!("index out of bounds"));
        assert_eq!(outcome.map_err(|e| e.code()), Err("corrupt-image"));
    }
}
