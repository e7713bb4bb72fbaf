//! greenroom
#![expect(missing_docs, reason = "being written")]

pub mod compose;
mod secret;

pub use secret::{HIDDEN, Secrets, is_secret_name};
