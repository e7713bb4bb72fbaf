//! The watcher's signs of life, for those who cannot see the lease: other hosts, containers and state folders.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use crate::lease::{BEAT, Folder};
use crate::stack::renew_signs;

/// The time between two looks at the clock. A sleep does not count the time for which the machine was suspended.
const LOOK: Duration = Duration::from_secs(30);

/// Renews the signs of life in the background, as long as this process runs.
pub(super) struct Heartbeat {
    lease: Folder,
    has_beaten: Arc<Mutex<bool>>,
}

impl Heartbeat {
    pub(super) fn start(lease: &Folder) -> Heartbeat {
        let heartbeat = Heartbeat { lease: lease.clone(), has_beaten: Arc::default() };
        let (lease, has_beaten) = (heartbeat.lease.clone(), heartbeat.has_beaten.clone());
        std::thread::spawn(move || {
            loop {
                sleep(BEAT);
                let mut has_beaten = lock(&has_beaten);
                // Most errors pass: the next beat tries again.
                *has_beaten |= renew_signs(&lease).is_ok();
            }
        });
        heartbeat
    }

    /// Holds the beats back while the result lives. No sign of a stack that was taken down during a beat is left.
    pub(super) fn pause(&self) -> MutexGuard<'_, bool> {
        let has_beaten = lock(&self.has_beaten);
        if *has_beaten {
            // What this does not remove is removed by the next `up`.
            let _ = renew_signs(&self.lease);
        }
        has_beaten
    }
}

fn lock(has_beaten: &Mutex<bool>) -> MutexGuard<'_, bool> {
    has_beaten.lock().expect("nothing panics while it holds this lock")
}

/// Sleeps for this time on the wall clock, or a little longer.
fn sleep(time: Duration) {
    let end = SystemTime::now() + time;
    while let Ok(left) = end.duration_since(SystemTime::now()) {
        std::thread::sleep(left.min(LOOK));
    }
}
