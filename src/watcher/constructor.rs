//! Starts the watcher before `main`, in whichever executable spawned it.
//!
//! That may be a test binary, a program without libtest's harness, or the `greenroom` command. Not all of them have a
//! subcommand for the watcher, and a separate helper program would have to be built and found. So the process
//! re-executes itself, and this constructor, which is part of every executable that links greenroom, takes over if the
//! variable is set.
#![expect(
    unsafe_code,
    reason = "Rust makes no guarantees for code before `main`; and no value in this process owns the inherited \
              descriptors, so nothing else can close them"
)]

use std::ffi::OsString;
use std::path::Path;

use crate::lease::{WATCHED_LEASE_VARIABLE, WATCHER_NAME};

/// The standard library is usable here: its own start-up before `main` only names the main thread and ignores SIGPIPE.
/// In every other process, this constructor only reads one variable.
#[ctor::ctor(unsafe)]
fn before_main() {
    let Some(lease) = std::env::var_os(WATCHED_LEASE_VARIABLE).filter(|_| is_named_watcher()) else { return };
    close_inherited();
    let watched = super::watch(Path::new(&lease));
    std::process::exit(if watched { 0 } else { 1 });
}

/// Whether this process was spawned as a watcher. The variable alone does not say so: somebody may have set it, and a
/// test that exits here would count as passed.
fn is_named_watcher() -> bool {
    // Not every C library hands the arguments to constructors.
    let name = match std::fs::read("/proc/self/cmdline") {
        Ok(line) => line.split(|byte| *byte == 0).next().map(|name| name == WATCHER_NAME.as_bytes()),
        Err(_) => std::env::args_os().next().map(|name: OsString| name == WATCHER_NAME),
    };
    name == Some(true)
}

/// Closes descriptors that the spawning process had inherited and passed on: a pipe held open here would keep its
/// reader waiting.
fn close_inherited() {
    #[cfg(unix)]
    for folder in ["/proc/self/fd", "/dev/fd"] {
        let Ok(entries) = std::fs::read_dir(folder) else { continue };
        let open: Vec<i32> =
            entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
        // The list includes the descriptor of the listing itself, which is closed by now.
        for descriptor in open.into_iter().filter(|descriptor| *descriptor > 2) {
            if Path::new(folder).join(descriptor.to_string()).symlink_metadata().is_ok() {
                // This process has not opened anything yet, so nothing uses the descriptor.
                unsafe { rustix::io::close(descriptor) };
            }
        }
        return;
    }
}
