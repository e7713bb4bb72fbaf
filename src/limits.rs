//! How long greenroom waits for others: for processes that hold a lock, and for the engine.
//!
//! The deadlines of services are the plan's, and a probe's own are next to the probe.

use std::time::Duration;

/// A wait that takes longer than this is announced: what for, and whom.
pub(crate) const ANNOUNCED_AFTER: Duration = Duration::from_secs(2);

/// For the lock on all leases, which a process holds for moments.
pub(crate) const GATE: Duration = Duration::from_secs(30);

/// For another process that starts or removes a stack, or builds an image. Those have deadlines of their own, except the
/// pull and the build of an image.
pub(crate) const ANOTHER_PROCESS: Duration = Duration::from_secs(30 * 60);

/// For a stack that is being taken down to release a kept volume: the usual grace period and then some.
pub(crate) const RELEASE: Duration = Duration::from_secs(30);

/// For any sign of life of the engine. A request may take longer, as long as the engine answers others.
pub(crate) const ENGINE: Duration = Duration::from_secs(20);
