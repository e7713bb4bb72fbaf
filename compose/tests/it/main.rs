//! The reader's tests: what it makes of files, and how it is built.

mod fixtures;
mod hostile;
mod project;
mod tidy;
