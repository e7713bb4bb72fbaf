//! Claims kept volumes, so that only one stack at a time uses each.

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::time::Duration;

use tokio::time::Instant;

use crate::Error;
use crate::engine::{Engine, Filter, FoundContainer};
use crate::error::VolumeUser;
use crate::lease;
use crate::plan::{Fate, Plan, PlannedVolume, label};
use crate::poll::{Answer, Cadence, Wait};
use crate::state::StateFolder;

/// How long to wait for a stack that is being taken down to release a kept volume: the usual grace period and then
/// some.
const TAKEN_DOWN_WITHIN: Duration = Duration::from_secs(30);

/// This stack's claim on a kept volume. The lock is released on drop, or when the process exits.
#[derive(Debug)]
pub(crate) struct Claim {
    _lock: File,
}

/// Claims every kept volume of the plan.
///
/// Two servers on one data directory would destroy it. The lock keeps apart stacks that are coming up. Once a stack
/// runs, the engine shows that it uses the volume, even after the process that started it is gone.
pub(crate) async fn claim_all(
    plan: &Plan,
    engine: &dyn Engine,
    state: &StateFolder,
) -> Result<Vec<Claim>, Error> {
    let mut claims = Vec::new();
    for volume in plan.volumes.iter().filter(|volume| volume.fate == Fate::Kept) {
        claims.push(claim(plan, volume, engine, state).await?);
    }
    Ok(claims)
}

async fn claim(
    plan: &Plan,
    volume: &PlannedVolume,
    engine: &dyn Engine,
    state: &StateFolder,
) -> Result<Claim, Error> {
    let (mut file, path) = state.lock_file(&volume.name)?;
    let failed = |error| Error::state("lock", &path, error);
    let held = |user| Error::volume_held(&volume.key, &volume.name, user);
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            // If the holder's name cannot be read, the error does without it.
            let _ = file.read_to_string(&mut holder);
            return Err(held(match holder.trim() {
                // The lock is taken a moment before the name is written.
                "" => VolumeUser::StartingStack,
                stack => VolumeUser::Stack(stack),
            }));
        }
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    }
    if let Some(user) = user_of(volume, engine).await? {
        return Err(held(match user.labels.get(label::STACK) {
            Some(stack) => VolumeUser::Stack(stack),
            None => VolumeUser::Container(&user.name),
        }));
    }
    file.set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| file.write_all(plan.stack.as_bytes()))
        .map_err(failed)?;
    Ok(Claim { _lock: file })
}

/// The running container that uses the volume. If its stack is being taken down, waits for that: the next run may start
/// the moment the last one ends.
async fn user_of(volume: &PlannedVolume, engine: &dyn Engine) -> Result<Option<FoundContainer>, Error> {
    let on_volume = Filter { labels: Vec::new(), volume: Some(volume.name.clone()) };
    let mut wait = Wait::until(Instant::now() + TAKEN_DOWN_WITHIN, Cadence::CHEAP);
    loop {
        let users = engine.containers(&on_volume).await?;
        let Some(user) = users.into_iter().find(|container| container.running) else { return Ok(None) };
        let look = async {
            if lease::is_ending(&user.labels) {
                Answer::NotYet("it is being taken down".to_owned())
            } else {
                Answer::Ready
            }
        };
        if wait.attempt(look).await.is_some() {
            return Ok(Some(user));
        }
    }
}
