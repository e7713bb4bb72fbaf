//! The command's exit codes.

/// The command succeeded. For `smoke` and `up`: every service is ready.
pub(crate) const READY: u8 = 0;

/// A service is not ready, or something else failed.
pub(crate) const NOT_READY: u8 = 1;

/// The arguments or the compose file are wrong, and nothing was started. clap uses the same code.
pub(crate) const USAGE: u8 = 2;

/// No container engine is available.
pub(crate) const NO_ENGINE: u8 = 3;

/// Ctrl-C: 128 + SIGINT, following the shells' convention.
pub(crate) const INTERRUPTED: u8 = 130;

/// 128 + SIGTERM.
pub(crate) const TERMINATED: u8 = 143;
