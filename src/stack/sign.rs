//! Signs: empty volumes whose names say of a stack what its labels cannot, because labels never change.
//!
//! They have the stack's labels and are removed with it. No volume of a compose file can have such a name: its key
//! follows a `_`.

use std::collections::BTreeMap;

use super::listing::{self, Labels, Objects};
use crate::engine::{Engine, EngineError, VolumeSpec};
use crate::event::Observer;
use crate::lease::{self, BEAT, Folder, Seen};
use crate::plan::label;
use crate::{Error, liveness, runtime};

/// What a sign says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    /// The kept stack came up completely.
    Complete,
    /// The stack's lease was watched at this time, in seconds since 1970.
    Alive(u64),
}

const COMPLETE: &str = ".complete";
const ALIVE: &str = ".alive-";

/// The labels that a sign has in common with the other objects of its stack.
const LABELS: [&str; 15] = [
    label::STACK,
    label::PROJECT,
    label::DIRECTORY,
    label::PLAN,
    label::LIFETIME,
    label::LEASE,
    label::NONCE,
    label::STATE,
    label::KEY,
    label::USER,
    label::HOST,
    label::BOOT,
    label::OWNER,
    label::RUNNER,
    label::SINCE,
];

impl Sign {
    /// The sign that a volume of this name gives of the stack.
    pub(super) fn of(stack: &str, volume: &str) -> Option<Sign> {
        match volume.strip_prefix(stack)? {
            COMPLETE => Some(Sign::Complete),
            rest => Some(Sign::Alive(rest.strip_prefix(ALIVE)?.parse().ok()?)),
        }
    }

    fn volume(self, stack: &str) -> String {
        match self {
            Sign::Complete => format!("{stack}{COMPLETE}"),
            Sign::Alive(at) => format!("{stack}{ALIVE}{at}"),
        }
    }

    /// Gives the sign, with the labels of one of the stack's objects.
    pub(super) async fn give(
        self,
        engine: &dyn Engine,
        stack: &str,
        labels: &Labels,
    ) -> Result<String, EngineError> {
        let name = self.volume(stack);
        let shared =
            LABELS.iter().filter_map(|label| Some(((*label).to_owned(), labels.get(*label)?.clone())));
        let mut labels: Labels = shared.collect();
        labels.insert(label::OBJECT.to_owned(), name.clone());
        let volume = VolumeSpec { name: name.clone(), labels, driver: None, driver_opts: BTreeMap::new() };
        engine.create_volume(&volume).await.map(|_| name)
    }
}

/// Renews the signs of life of the lease's stacks. Runs in the watcher's process.
pub(crate) fn renew_signs(lease: &Folder) -> Result<(), Error> {
    let lease = lease.clone();
    runtime::block_on(async move {
        renew_on(liveness::connect(&Observer::NOBODY).await?.as_ref(), &lease, lease::now()).await
    })
}

/// Renews the signs of life of the lease's stacks, except those that need none: they began less than a beat ago, or
/// they are kept.
pub(in crate::stack) async fn renew_on(engine: &dyn Engine, lease: &Folder, now: u64) -> Result<(), Error> {
    let mut stacks = lease.stacks()?;
    // A stack that was taken down while it got a sign may have left the sign.
    stacks.extend(listing::under_lease(engine, lease).await?);
    stacks.sort();
    stacks.dedup();
    for stack in stacks {
        renew(engine, lease, &stack, now).await?;
    }
    Ok(())
}

async fn renew(engine: &dyn Engine, lease: &Folder, stack: &str, now: u64) -> Result<(), Error> {
    let Objects { containers, networks, volumes } = listing::objects_of(engine, stack).await?;
    let is_sign = |name: &String| matches!(Sign::of(stack, name), Some(Sign::Alive(_)));
    let mut old: Vec<_> = volumes.iter().map(|volume| volume.name.clone()).filter(is_sign).collect();
    let labels = containers.into_iter().map(|found| found.labels);
    let labels = labels.chain(networks.into_iter().chain(volumes).map(|found| found.labels)).next();
    let Some(labels) = labels else { return Ok(()) };
    let is_complete = lease.record(stack)?.is_some_and(|record| record.facts.is_some());
    let seen = Seen { labels, is_complete, alive: 0 };
    if seen.is_kept() || now.saturating_sub(seen.since(now)) < BEAT.as_secs() {
        return Ok(());
    }
    let new = match lease.records(stack) {
        true => Some(Sign::Alive(now).give(engine, stack, &seen.labels).await?),
        false => None,
    };
    old.retain(|sign| Some(sign) != new.as_ref());
    // It may have been taken down meanwhile.
    old.extend(new.filter(|_| !lease.records(stack)));
    for sign in old {
        engine.remove_volume(&sign).await?;
    }
    Ok(())
}
