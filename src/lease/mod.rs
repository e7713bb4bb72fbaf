//! Leases: who uses a stack, and what happens when all of them are gone.
//!
//! Before a process brings up a stack, it takes a *lease*: a folder in the state folder, in which it holds a lock while
//! it lives. Each lease has a *watcher*, a separate process that waits in the kernel until all holders are gone and
//! then takes the lease's stacks down. The kernel releases the locks, so it does not matter how a process ends.
//! Everything that is created has the lease's id and its owner as labels: if the watcher was killed, or the machine
//! went down, the next `up` finds what is left.

mod folder;
mod labels;
mod process;
mod record;
mod run;
mod watcher;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub(crate) use folder::{Folder, Holder, Terms};
pub(crate) use labels::{BEAT, Seen, Standing, folder_of, is_ending, labels};
pub(crate) use process::{Process, host};
pub(crate) use record::{Facts, Record, ServiceFacts};
pub(crate) use run::Run;
pub(crate) use watcher::{
    NAME as WATCHER_NAME, VARIABLE as WATCHED_LEASE_VARIABLE, ensure_watched, report_watching,
    spawn as spawn_watcher,
};

use crate::Error;
use crate::plan::{Plan, hash};
use crate::state::StateFolder;

/// The default lifetime of stacks for which the test sets none.
const LIFETIME_VARIABLE: &str = "GREENROOM_LIFETIME";

/// How long a stack lives, and who shares it.
///
/// However a process ends (`std::process::exit`, `panic = "abort"`, Ctrl-C, SIGKILL), a watcher takes down what it
/// leaves behind: a small process beside it. If the watcher is killed as well, the next `up` does it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lifetime {
    /// As long as the [`Stack`](crate::Stack) value, and not shared: dropping the value removes the stack.
    #[default]
    Test,
    /// As long as the process: the tests of a binary share the stack, and it is removed when the process ends. The
    /// value may be in a `static`.
    Process,
    /// As long as one invocation of `cargo test` or `cargo nextest run`: all its processes share the stack, and it is
    /// removed when the invocation ends. For other test runners, set `GREENROOM_RUN_ID` to a name for the invocation.
    Run,
    /// Until `greenroom down`: this run and later ones share the stack. With [`idle`](crate::StackBuilder::idle), also
    /// until nobody has used it for that time.
    Keep,
}

impl Lifetime {
    const ALL: [Lifetime; 4] = [Lifetime::Test, Lifetime::Process, Lifetime::Run, Lifetime::Keep];

    pub(crate) fn as_label(self) -> &'static str {
        match self {
            Lifetime::Test => "test",
            Lifetime::Process => "process",
            Lifetime::Run => "run",
            Lifetime::Keep => "keep",
        }
    }

    pub(crate) fn of_label(label: &str) -> Option<Lifetime> {
        Lifetime::ALL.into_iter().find(|lifetime| lifetime.as_label() == label)
    }

    /// The lifetime that `GREENROOM_LIFETIME` names, else [`Lifetime::Test`].
    pub(crate) fn usual() -> Result<Lifetime, Error> {
        match std::env::var(LIFETIME_VARIABLE).ok().filter(|value| !value.is_empty()) {
            None => Ok(Lifetime::Test),
            Some(value) => Lifetime::of_label(&value).ok_or_else(|| {
                Error::unknown_lifetime(LIFETIME_VARIABLE, &value, &Lifetime::ALL.map(Lifetime::as_label))
            }),
        }
    }
}

impl std::fmt::Display for Lifetime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_label())
    }
}

/// The lease to take for a stack.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Request {
    pub lifetime: Lifetime,
    pub id: String,
    /// Identifies the stack to everyone who shares it.
    pub key: Option<String>,
    pub terms: Terms,
    pub runner: Option<Process>,
}

impl Request {
    /// The lease for a stack of this plan. The key covers everything that distinguishes two stacks: the user, the
    /// engine, the state folder, the checkout, the resolved file with its options, and who shares the stack.
    pub(crate) fn new(
        plan: &Plan,
        lifetime: Lifetime,
        idle: Option<Duration>,
        state: &StateFolder,
        engine: &str,
    ) -> Result<Request, Error> {
        let kept = lifetime == Lifetime::Keep;
        let terms = Terms::of(kept, idle.filter(|_| kept), engine);
        let own = Process::own().identity();
        let run = (lifetime == Lifetime::Run).then(Run::of_this_process);
        let (user, host) = (user(), host());
        // Containers may share a state folder, and their process ids may be equal.
        let sharers = match (lifetime, &run) {
            (Lifetime::Keep, _) => String::new(),
            (_, Some(run)) => format!("{host} {}", run.id),
            (_, None) => format!("{host} {own}"),
        };
        // A checkout reached through a symbolic link is the same checkout.
        let directory = plan.directory.canonicalize().unwrap_or_else(|_| plan.directory.clone());
        let key = hash(
            format!(
                "{user}\0{}\0{}\0{}\0{}\0{}\0{lifetime}\0{sharers}",
                terms.engine,
                state.leases()?.display(),
                directory.display(),
                plan.project,
                plan.fingerprint,
            )
            .as_bytes(),
        );
        let id = match lifetime {
            Lifetime::Test | Lifetime::Process => format!("process-{own}-{host}"),
            Lifetime::Run => {
                format!("run-{}", hash(format!("{user}\0{}\0{sharers}", terms.engine).as_bytes()))
            }
            Lifetime::Keep => format!("keep-{key}"),
        };
        let key = (lifetime != Lifetime::Test).then_some(key);
        Ok(Request { lifetime, id, key, terms, runner: run.and_then(|run| run.runner) })
    }
}

/// A lease that this process holds until it exits.
#[derive(Debug)]
pub(crate) struct Lease {
    pub folder: Folder,
    nonce: String,
    runner: Option<Process>,
    /// Locked by this process.
    file: File,
    holder: Mutex<Holder>,
    is_known: AtomicBool,
}

/// The leases of this process. They are never released: the kernel does that when the process exits.
static HELD: Mutex<BTreeMap<PathBuf, Arc<Lease>>> = Mutex::new(BTreeMap::new());

impl Lease {
    /// Takes the lease, and starts a watcher for it if needed. Blocks this thread for some milliseconds.
    pub(crate) fn take(state: &StateFolder, request: &Request) -> Result<Arc<Lease>, Error> {
        let folder = Folder::of(state, &request.id)?;
        let lease = {
            let mut held = HELD.lock().expect("nothing panics while it holds this lock");
            match held.get(folder.path()).filter(|lease| lease.folder.exists()) {
                Some(lease) => lease.clone(),
                None => {
                    let lease = Arc::new(Lease::enter(state, folder.clone(), request)?);
                    held.insert(folder.path().to_owned(), lease.clone());
                    lease
                }
            }
        };
        // A stack that is kept forever needs a watcher only while it comes up.
        if !request.terms.kept || request.terms.idle.is_some() {
            ensure_watched(&lease.folder);
        }
        Ok(lease)
    }

    fn enter(state: &StateFolder, folder: Folder, request: &Request) -> Result<Lease, Error> {
        let holder = Holder { process: Process::own(), stacks: Vec::new() };
        let _gate = state.gate()?;
        let (terms, file) = folder.enter(&request.terms, request.runner.as_ref(), &holder)?;
        let (nonce, runner) = (terms.nonce, request.runner.clone());
        let holder = Mutex::new(holder);
        let lease = Lease { folder, nonce, runner, file, holder, is_known: AtomicBool::new(false) };
        lease.write_holder(|_| {});
        Ok(lease)
    }

    /// Records that the stack is coming up and that this process uses it, before anything of it is created.
    pub(crate) fn begin(&self, plan: &Plan, lifetime: Lifetime, key: Option<&str>) -> Result<(), Error> {
        self.uses(&plan.stack);
        self.folder.write_record(&Record {
            stack: plan.stack.clone(),
            project: plan.project.clone(),
            directory: plan.directory.clone(),
            lifetime: lifetime.as_label().to_owned(),
            key: key.map(str::to_owned),
            by: Process::own(),
            since: now(),
            facts: None,
        })
    }

    /// Whether this is asked for the first time.
    pub(crate) fn is_new(&self) -> bool {
        !self.is_known.swap(true, Ordering::Relaxed)
    }

    /// Announces that this process uses the stack.
    pub(crate) fn uses(&self, stack: &str) {
        self.write_holder(|stacks| {
            if !stacks.iter().any(|other| other == stack) {
                stacks.push(stack.to_owned());
            }
        });
    }

    /// Removes the record of a stack that is gone.
    pub(crate) fn forget(&self, stack: &str) {
        self.folder.forget(stack);
        self.write_holder(|stacks| stacks.retain(|other| other != stack));
    }

    fn write_holder(&self, change: impl FnOnce(&mut Vec<String>)) {
        let mut holder = self.holder.lock().expect("nothing panics while it holds this lock");
        change(&mut holder.stacks);
        if let Err(error) = folder::write_holder(&self.file, &holder) {
            tracing::warn!(lease = self.folder.id(), %error, "could not record which stacks this process uses");
        }
    }

    /// Whether another living process uses the stack.
    pub(crate) fn others_use(&self, stack: &str) -> Result<bool, Error> {
        let own = Process::own();
        let mut holders = self.folder.holders()?.into_iter();
        Ok(holders.any(|holder| holder.process != own && holder.stacks.iter().any(|other| other == stack)))
    }
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map(|since| since.as_secs()).unwrap_or_default()
}

/// The id of this user; empty on platforms without numeric user ids.
pub(crate) fn user() -> String {
    #[cfg(unix)]
    return rustix::process::getuid().as_raw().to_string();
    #[cfg(not(unix))]
    String::new()
}
