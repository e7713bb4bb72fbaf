#![doc = include_str!("../README.md")]
//! # Layout
//!
//! Data flows through the modules in this order:
//!
//! - [`compose`] reads the files: text to a project, pure.
//! - `kind` knows what a service is and how it is asked: [`Kind`], [`Probe`], [`Protocol`]; pure.
//! - `plan` decides: [`Plan`], [`PlannedService`]; pure.
//! - `stack` runs a plan: [`Stack`], [`StackBuilder`]; below it are the engine, the probes, the volumes and the leases.
//! - `handle` gives typed connections: [`Postgres`], [`Timescale`], [`Http`], [`Grafana`], [`TickerService`].
//! - `report` and `event` tell: [`Report`], [`Event`].
//! - [`blocking`] and [`fixtures`] are the same for a plain `#[test]` and for rstest.

#[doc(inline)]
pub use greenroom_compose as compose;
mod address;
mod kind;
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

pub use address::{Address, Addresses, Port, Transport};
pub use compose::{HIDDEN, Secrets, is_secret_name};
pub use error::Error;
pub use event::{Event, ServiceReady};
pub use handle::{
    ConnectionUrl, DataSource, DataSourceHealth, ExecOutput, Frame, Grafana, GrafanaClient, GrafanaHealth,
    Http, HttpClient, Hypertable, Postgres, ServiceHandle, TickerHealth, TickerService, Timescale,
};
pub use kind::{Accept, Kind, LoginSettings, Probe, Protocol};
pub use lease::Lifetime;
pub use plan::{
    Base, DEFAULT_TIMEOUT, Delivery, Dependency, Fallback, Fate, Healthcheck, Plan, PlannedAttachment,
    PlannedFile, PlannedNetwork, PlannedPort, PlannedService, PlannedVolume, Ports, PullPolicy, Readiness,
    Restart, Until,
};
pub use polygon::PolygonStack;
pub use report::{Report, ServiceReport, ServiceStatus, Silent};
pub use stack::{FoundStack, Holder, Leftover, Stack, StackBuilder, leftovers, stacks};
pub use volume::{KeptVolume, kept_volumes};
