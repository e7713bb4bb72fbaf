//! The reader's tests: what it makes of files.

mod fixtures;
mod hostile;
mod project;
