#![doc = include_str!("../README.md")]
//! # Layout
//!
//! Data flows through the modules in this order:
//!
//! - [`compose`] reads the files: text to a project, pure.
//! - `plan` decides: [`Plan`], [`PlannedService`], [`Probe`], [`Kind`]; pure.
//! - `stack` runs a plan: [`Stack`], [`StackBuilder`]; below it are the engine, the probes, the volumes and the leases.
//! - `handle` gives typed connections: [`Postgres`], [`Timescale`], [`Http`], [`Grafana`], [`TickerService`].
//! - `report` and `event` tell: [`Report`], [`Event`].
//! - [`blocking`] and [`fixtures`] are the same for a plain `#[test]` and for rstest.

pub mod compose;
mod secret;
mod address;
mod error;
mod plan;
mod event;
mod report;
mod runtime;
mod state;
mod engine;
mod poll;
mod known;
mod probe;
mod lease;
mod volume;
mod stack;
mod watcher;
mod handle;
mod polygon;
pub mod blocking;
#[cfg(feature = "rstest")]
pub mod fixtures;

pub use address::{Address, Addresses, Port, Protocol};
pub use error::Error;
pub use event::{Event, ServiceReady};
pub use handle::{
    ConnectionUrl, DataSource, DataSourceHealth, ExecOutput, Frame, Grafana, GrafanaClient, GrafanaHealth,
    Http, HttpClient, Hypertable, Postgres, ServiceHandle, TickerHealth, TickerService, Timescale,
};
pub use lease::Lifetime;
pub use plan::{
    Accept, Base, DEFAULT_TIMEOUT, Delivery, Dependency, Fallback, Fate, Healthcheck, Kind, Plan,
    PlannedAttachment, PlannedFile, PlannedNetwork, PlannedPort, PlannedService, PlannedVolume, Ports,
    PostgresLogin, Probe, PullPolicy, Readiness, Restart, Until,
};
pub use polygon::PolygonStack;
pub use report::{Report, ServiceReport, ServiceStatus, Silent};
pub use secret::{HIDDEN, Secrets, is_secret_name};
pub use stack::{FoundStack, Holder, Leftover, Stack, StackBuilder, leftovers, stacks};
pub use volume::{KeptVolume, kept_volumes};
