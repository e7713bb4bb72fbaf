//! Where the watcher begins: before `main`, in the executable that spawned it, whatever that is.
//!
//! A test binary, a program without libtest's harness, the `greenroom` command: none of them has a subcommand of ours, and a
//! helper program of our own would have to be built and found. So the process re-executes itself, and this constructor,
//! which every executable with greenroom in it has, takes over when the variable says so.
#![expect(
    unsafe_code,
    reason = "a constructor runs before `main`, which Rust cannot vouch for; and the descriptors that were inherited have \
              no owner in this process that could close them"
)]

use std::path::Path;

use crate::lease::WATCHED_LEASE_VARIABLE;

/// The standard library is usable here: it needs nothing that its own start-up before `main` does, which names the main
/// thread and ignores SIGPIPE. In every other process this reads one variable.
#[ctor::ctor(unsafe)]
fn before_main() {
    if let Some(lease) = std::env::var_os(WATCHED_LEASE_VARIABLE) {
        close_inherited();
        super::watch(Path::new(&lease));
        std::process::exit(0);
    }
}

/// Closes what the spawning process itself had inherited and passed on: a pipe held open here would keep its reader waiting.
fn close_inherited() {
    #[cfg(unix)]
    for folder in ["/proc/self/fd", "/dev/fd"] {
        let Ok(entries) = std::fs::read_dir(folder) else { continue };
        let open: Vec<i32> =
            entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
        // The listing's own descriptor is in it, and closed by now.
        for descriptor in open.into_iter().filter(|descriptor| *descriptor > 2) {
            if Path::new(folder).join(descriptor.to_string()).symlink_metadata().is_ok() {
                // Nothing in this process has opened anything yet, so nothing uses it.
                unsafe { rustix::io::close(descriptor) };
            }
        }
        return;
    }
}
