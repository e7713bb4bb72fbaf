// The README's example uses the handles of these features.
#![cfg_attr(all(feature = "http", feature = "postgres"), doc = include_str!("../README.md"))]
//! # Layout
//!
//! What a first test needs is here at the root. The rest is in modules, in the order in which data flows:
//!
//! - [`compose`] reads the files: text to a project, pure.
//! - [`kind`] is what greenroom knows of each kind of service: its port, its login, the question that proves it ready; pure.
//! - [`plan`] decides what will run, and what each service is waited for; pure.
//! - [`stack`] runs a plan, and finds the stacks that run already.
//! - [`volume`] has the volumes that outlive their stacks.
//! - [`handle`] gives typed connections.
//! - [`event`] and [`report`] say what happens, and what runs.
//! - [`blocking`] and [`fixtures`] are the same for a plain `#[test]` and for rstest.
//! - [`polygon`] has the handles of this project's own stack.
//!
//! # Features
//!
//! All are on by default.
//!
//! - `postgres`: [`Postgres`] and [`Timescale`], [`Probe::sql`], and the check that a kept volume really holds the data of
//!   its PostgreSQL server. Brings sqlx.
//! - `http`: [`Http`], and [`Probe::http`]. Brings reqwest.
//! - `grafana`: [`Grafana`]. Needs `http`.
//! - `rstest`: [`fixtures`].
//!
//! A probe that is asked for and not compiled in is an error. A service whose kind would be asked so is ready once its port
//! accepts a connection, and the plan and the report warn of that.

// Each module uses only those above it; `tests/it/modules.rs` has the table.
#[doc(inline)]
pub use greenroom_compose as compose;
pub mod address;
pub mod kind;
mod error;
pub mod plan;
mod limits;
pub mod event;
pub mod report;
mod runtime;
mod state;
mod engine;
mod liveness;
mod poll;
mod known;
mod probe;
mod lease;
pub mod volume;
pub mod stack;
mod watcher;
pub mod handle;
#[cfg(all(feature = "postgres", feature = "grafana"))]
pub mod polygon;
pub mod blocking;
#[cfg(feature = "rstest")]
pub mod fixtures;

pub use error::Error;
pub use event::Event;
pub use handle::ServiceHandle;
#[cfg(feature = "grafana")]
pub use handle::grafana::Grafana;
#[cfg(feature = "http")]
pub use handle::{Http, HttpClient};
#[cfg(feature = "postgres")]
pub use handle::{Postgres, Timescale};
pub use kind::Probe;
pub use lease::Lifetime;
pub use plan::Plan;
pub use report::Report;
pub use stack::{Stack, StackBuilder};
