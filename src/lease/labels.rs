//! The labels by which an object on the engine names its owner, and what follows from them.
//!
//! An engine is shared by users, hosts, containers and state folders, and anybody who can use it can write labels. So a
//! label never becomes a path: it is compared with what this process's own state folder holds. And a lease that this
//! process cannot see, on another host or in another state folder, is known only by its *signs of life*: its watcher
//! leaves one on the engine every few minutes.

use std::collections::BTreeMap;
use std::time::Duration;

use super::process::{boot, host, is_running};
use super::{Folder, Lease, Lifetime, Process, now, user};
use crate::Error;
use crate::plan::label;
use crate::state::StateFolder;

/// How often a stack shows a sign of life. The first is the label that says when it was created.
pub(crate) const BEAT: Duration = Duration::from_secs(5 * 60);

/// A stack whose lease cannot be seen, and which has shown no sign of life for this long, is a leftover. Long enough for
/// a watcher to miss a few beats while its machine is busy.
pub(crate) const SILENCE: Duration = Duration::from_secs(20 * 60);

type Labels = BTreeMap<String, String>;

/// The labels on everything that this process creates for a stack of this lifetime. Each label is there, if only with
/// an empty value: one that a container's image has would show through.
pub(crate) fn labels(lifetime: Lifetime, key: Option<&str>, lease: Option<&Lease>) -> Labels {
    let runner = lease.and_then(|lease| lease.runner.as_ref()).map(Process::identity);
    [
        (label::LIFETIME, Some(lifetime.as_label().to_owned())),
        (label::LEASE, lease.map(|lease| lease.folder.id())),
        (label::NONCE, lease.map(|lease| lease.nonce.clone())),
        (label::STATE, lease.map(|lease| lease.folder.state().display())),
        (label::USER, Some(user())),
        (label::HOST, Some(host())),
        (label::BOOT, Some(boot())),
        (label::OWNER, Some(Process::own().identity())),
        (label::RUNNER, runner),
        (label::SINCE, Some(now().to_string())),
        (label::KEY, key.map(str::to_owned)),
    ]
    .map(|(name, value)| (name.to_owned(), value.unwrap_or_default()))
    .into()
}

/// What the engine shows of a stack: the labels of its objects, and its signs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    pub labels: Labels,
    /// The stack was kept when it had come up completely.
    pub is_complete: bool,
    /// The latest sign of life besides its creation, in seconds since 1970.
    pub alive: u64,
}

/// What is to become of a stack on the engine that may be a leftover.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It is another user's, it is kept, it may be in use, or its lease decides.
    Owned,
    /// Nobody uses it and no lease records it.
    Leftover,
    /// Its lease cannot be seen from here. Without another sign of life it is a leftover at this time, in seconds since
    /// 1970.
    Elsewhere { until: u64 },
}

impl Seen {
    pub(crate) fn get(&self, label: &str) -> &str {
        get(&self.labels, label)
    }

    /// When its start began, in seconds since 1970; now if its label cannot be read.
    pub(crate) fn since(&self, now: u64) -> u64 {
        self.get(label::SINCE).parse().unwrap_or(now)
    }

    /// Whether the stack was kept and came up completely: it stays without any process.
    pub(crate) fn is_kept(&self) -> bool {
        // A lifetime that this version does not know may be anything.
        Lifetime::of_label(self.get(label::LIFETIME))
            .is_none_or(|lifetime| lifetime == Lifetime::Keep && self.is_complete)
    }

    /// What is to become of the stack, at this time.
    ///
    /// # Errors
    ///
    /// The state folder cannot be read.
    pub(crate) fn standing(&self, state: &StateFolder, now: u64) -> Result<Standing, Error> {
        if self.get(label::USER) != user() || self.is_kept() || self.is_recorded(state)? {
            return Ok(Standing::Owned);
        }
        let has_lease = !self.get(label::LEASE).is_empty();
        if self.is_of_this_host() && (!has_lease || self.get(label::STATE) == state.display()) {
            let is_used = self.starter_lives() || self.is_held(state)?;
            return Ok(if is_used { Standing::Owned } else { Standing::Leftover });
        }
        // Without a lease, nobody leaves signs of life.
        if !has_lease {
            return Ok(Standing::Owned);
        }
        let until = self.since(now).max(self.alive).saturating_add(SILENCE.as_secs());
        Ok(if now >= until { Standing::Leftover } else { Standing::Elsewhere { until } })
    }

    /// Whether a lease of this state folder has a record of the stack. A lease of another host counts only while its
    /// processes or its watcher are seen to live: nobody can tell whether its runner does.
    fn is_recorded(&self, state: &StateFolder) -> Result<bool, Error> {
        let is_alive = |folder: &Folder| {
            let is_elsewhere = folder.terms().is_some_and(|terms| terms.host != host());
            !is_elsewhere || folder.is_watched() || folder.is_held()
        };
        let mut folders = Folder::all(state)?.into_iter();
        Ok(folders.any(|folder| folder.records(self.get(label::STACK)) && is_alive(&folder)))
    }

    fn is_of_this_host(&self) -> bool {
        self.get(label::HOST) == host()
    }

    /// Whether the process that created the stack, or its test runner, still runs, as far as is known. Meaningful on its
    /// host only.
    fn starter_lives(&self) -> bool {
        let lives = |name: &str| !self.get(name).is_empty() && is_running(self.get(name));
        let is_unknown = self.get(label::OWNER).is_empty();
        is_unknown || (self.get(label::BOOT) == boot() && (lives(label::OWNER) || lives(label::RUNNER)))
    }

    /// Whether another process holds the stack although no lease records it.
    fn is_held(&self, state: &StateFolder) -> Result<bool, Error> {
        let Some(folder) = folder_of(state, &self.labels)? else { return Ok(false) };
        let uses = |stacks: &[String]| stacks.iter().any(|stack| stack == self.get(label::STACK));
        Ok(folder.holders()?.iter().any(|holder| uses(&holder.stacks)))
    }

    /// Whether the stack was created under this very lease.
    pub(crate) fn is_under(&self, lease: &Folder) -> bool {
        let Some(terms) = lease.terms().filter(|terms| !terms.nonce.is_empty()) else { return false };
        let wanted = [
            (label::LEASE, lease.id()),
            (label::NONCE, terms.nonce),
            (label::STATE, lease.state().display()),
            (label::USER, user()),
            (label::HOST, terms.host),
        ];
        wanted.iter().all(|(name, value)| self.get(name) == value)
    }

    /// Whether a process of this lease may use or replace the stack although its record is lost: it was created under
    /// this lease, or the lease that it was created under is gone and so is its starter.
    pub(crate) fn may_be_taken_over(&self, lease: &Folder) -> bool {
        let is_ours = self.get(label::USER) == user()
            && self.is_of_this_host()
            && self.get(label::STATE) == lease.state().display();
        self.is_under(lease) || (is_ours && !self.starter_lives())
    }
}

fn get<'a>(labels: &'a Labels, name: &str) -> &'a str {
    labels.get(name).map(String::as_str).unwrap_or_default()
}

/// The lease that an object's labels name, if this state folder has it.
pub(crate) fn folder_of(state: &StateFolder, labels: &Labels) -> Result<Option<Folder>, Error> {
    if get(labels, label::STATE) != state.display() {
        return Ok(None);
    }
    let id = get(labels, label::LEASE);
    let mut folders: Vec<_> = Folder::all(state)?.into_iter().filter(|folder| folder.id() == id).collect();
    // A lease that is ending has the same id as its successor.
    folders.sort_by_key(|folder| !folder.records(get(labels, label::STACK)));
    Ok(folders.into_iter().next())
}

/// Whether the stack of an object with these labels is being removed, or soon will be because all its holders are gone.
pub(crate) fn is_ending(labels: &Labels) -> bool {
    let folder = folder_of(&StateFolder::of_user(), labels).ok().flatten();
    folder.is_some_and(|folder| {
        folder.records(get(labels, label::STACK))
            && folder.is_over()
            && (folder.is_of_this_host() || folder.is_ending())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lease::{Record, Terms};

    const NOW: u64 = 1_000_000;

    /// A process that is gone: no process of this id started then.
    const GONE: &str = "1-1";

    /// A stack of a killed process whose lease is lost, with these labels instead.
    fn seen(state: &StateFolder, labels: &[(&str, &str)]) -> Seen {
        let mut seen = Seen { labels: super::labels(Lifetime::Run, None, None), ..Seen::default() };
        let state = state.display();
        let usual = [
            (label::STACK, "greenroom-shop-1"),
            (label::LEASE, "run-1"),
            (label::STATE, state.as_str()),
            (label::OWNER, GONE),
            (label::SINCE, "999000"),
        ];
        for (name, value) in usual.iter().chain(labels) {
            seen.labels.insert((*name).to_owned(), (*value).to_owned());
        }
        seen
    }

    #[test]
    fn only_what_nobody_can_be_using_is_a_leftover() {
        let folder = tempfile::TempDir::new().expect("a temporary folder can be created");
        let state = StateFolder::at(folder.path());
        let own = Process::own().identity();
        let elsewhere = Standing::Elsewhere { until: 999_000 + SILENCE.as_secs() };
        let (host, path) = (label::HOST, label::STATE);
        let cases: &[(&[(&str, &str)], Standing)] = &[
            (&[], Standing::Leftover),
            (&[(label::OWNER, &own)], Standing::Owned),
            (&[(label::RUNNER, &own)], Standing::Owned),
            (&[(label::OWNER, "")], Standing::Owned),
            // After a reboot, the id belongs to another process.
            (&[(label::OWNER, &own), (label::BOOT, "another")], Standing::Leftover),
            (&[(label::USER, "another")], Standing::Owned),
            (&[(label::LIFETIME, "of a newer version")], Standing::Owned),
            (&[(label::LIFETIME, "keep")], Standing::Leftover),
            (&[(host, "another")], elsewhere),
            (&[(path, "/another")], elsewhere),
            (&[(path, "../../another")], elsewhere),
            // A process id says nothing on another host.
            (&[(host, "another"), (label::OWNER, &own)], elsewhere),
            (&[(host, "another"), (label::SINCE, "998800")], Standing::Leftover),
            (&[(host, "another"), (label::SINCE, "998801")], Standing::Elsewhere { until: 1_000_001 }),
            (&[(host, "another"), (label::SINCE, "unknown")], Standing::Elsewhere { until: 1_001_200 }),
            // Nobody gives signs of life for a stack without a lease.
            (&[(host, "another"), (label::SINCE, "1"), (label::LEASE, "")], Standing::Owned),
            (&[(path, ""), (label::LEASE, "")], Standing::Leftover),
        ];
        for (labels, expected) in cases {
            let standing = seen(&state, labels).standing(&state, NOW).expect("the state folder can be read");
            assert_eq!(standing, *expected, "{labels:?}");
        }
    }

    #[test]
    fn signs_keep_a_stack() {
        let folder = tempfile::TempDir::new().expect("a temporary folder can be created");
        let state = StateFolder::at(folder.path());
        let standing = |seen: Seen| seen.standing(&state, NOW).expect("the state folder can be read");
        let complete = Seen { is_complete: true, ..seen(&state, &[(label::LIFETIME, "keep")]) };
        assert_eq!(standing(complete), Standing::Owned);
        let old = [(label::HOST, "another"), (label::SINCE, "1")];
        for (alive, expected) in [
            (0, Standing::Leftover),
            (NOW - SILENCE.as_secs(), Standing::Leftover),
            (NOW - 1, Standing::Elsewhere { until: NOW - 1 + SILENCE.as_secs() }),
        ] {
            assert_eq!(standing(Seen { alive, ..seen(&state, &old) }), expected, "{alive}");
        }
    }

    /// A lease in the state folder with this nonce, of this host, which records the stack.
    fn lease(state: &StateFolder, nonce: &str, host: &str) -> Folder {
        let lease = Folder::of(state, "run-1").expect("there is a state folder");
        let record = Record { stack: "greenroom-shop-1".to_owned(), ..Record::default() };
        lease.write_record(&record).expect("it can be written");
        let terms = Terms { nonce: nonce.to_owned(), host: host.to_owned(), ..Terms::of(false, None, "") };
        let text = serde_json::to_vec(&terms).expect("it is JSON");
        std::fs::write(lease.path().join("lease.json"), text).expect("it can be written");
        lease
    }

    #[test]
    fn a_recorded_stack_is_its_leases_unless_that_is_a_dead_hosts() {
        let folder = tempfile::TempDir::new().expect("a temporary folder can be created");
        let state = StateFolder::at(folder.path());
        let standing =
            |labels: &[(&str, &str)]| seen(&state, labels).standing(&state, NOW).expect("it can be read");
        lease(&state, "n", &host());
        assert_eq!(standing(&[]), Standing::Owned);
        let lease = lease(&state, "n", "another");
        let old = [(label::HOST, "another"), (label::SINCE, "1")];
        assert_eq!(standing(&old), Standing::Leftover);
        let watch = lease.watch();
        assert!(watch.is_some());
        assert_eq!(standing(&old), Standing::Owned, "it is watched");
    }

    #[test]
    fn equal_lease_ids_are_told_apart() {
        let folder = tempfile::TempDir::new().expect("a temporary folder can be created");
        let state = StateFolder::at(folder.path());
        let lease = lease(&state, "n", &host());
        let is_under = |labels: &[(&str, &str)]| {
            let mut seen = seen(&state, &[(label::NONCE, "n")]);
            for (name, value) in labels {
                seen.labels.insert((*name).to_owned(), (*value).to_owned());
            }
            seen.is_under(&lease)
        };
        assert!(is_under(&[]));
        for name in [label::LEASE, label::NONCE, label::STATE, label::USER, label::HOST] {
            assert!(!is_under(&[(name, "another")]), "{name}");
        }
        // Its starter is gone, or it is another's.
        assert!(seen(&state, &[]).may_be_taken_over(&lease));
        for labels in [(label::HOST, "another"), (label::OWNER, &Process::own().identity())] {
            assert!(!seen(&state, &[labels]).may_be_taken_over(&lease), "{labels:?}");
        }
    }
}
