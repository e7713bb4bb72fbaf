//! Variables: where they come from, and how their values get into the document.
//!
//! [`template`] is the syntax `${NAME:-default}` in one text; [`interpolate`] applies it to a document. [`dotenv`] is
//! the syntax of environment files; [`files`] reads them. Values stay texts here: see [`cast`](crate::schema::cast).

pub(crate) mod dotenv;
pub(crate) mod files;
pub(crate) mod interpolate;
pub(crate) mod template;
mod variables;

pub(crate) use variables::{Variable, Variables};
