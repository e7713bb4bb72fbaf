//! What the command's exit code tells.

/// It did what it was asked to; for `smoke` and `up`: every service is ready.
pub(crate) const READY: u8 = 0;

/// A service is not ready, or something else did not work.
pub(crate) const NOT_READY: u8 = 1;

/// The arguments or the compose file are wrong: nothing was started. The same as clap's own.
pub(crate) const USAGE: u8 = 2;

/// There is no container engine to work with.
pub(crate) const NO_ENGINE: u8 = 3;

/// Ctrl-C: 128 + SIGINT, as shells count.
pub(crate) const INTERRUPTED: u8 = 130;

/// 128 + SIGTERM.
pub(crate) const TERMINATED: u8 = 143;
