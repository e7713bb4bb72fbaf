//! Kept volumes: used by one stack at a time, and really holding what is to be kept.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::time::Duration;

use sqlx::postgres::PgConnection;
use sqlx::{Connection, Row};
use tokio::time::Instant;

use crate::Error;
use crate::engine::{Engine, Filter, FoundContainer};
use crate::kind::Kind;
use crate::lease;
use crate::plan::{Fate, Plan, PlannedVolume, label};
use crate::poll::{Answer, Cadence, Wait};
use crate::probe::connect_options;
use crate::stack::RunningService;
use crate::state::StateFolder;

/// How long a stack that is being taken down may take to give a kept volume free: the usual grace period, and some.
const TAKEN_DOWN_WITHIN: Duration = Duration::from_secs(30);

/// A kept volume that is this stack's for now; the lock goes when it is dropped, or with the process.
#[derive(Debug)]
pub(crate) struct Claim {
    _lock: File,
}

/// Claims every kept volume of the plan.
///
/// Two servers on one data directory destroy it. The lock keeps apart stacks that are coming up; once a stack runs, the
/// engine itself shows who uses the volume, also after the process that started it is gone.
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
    let failed =
        |error: std::io::Error| Error::state(format!("cannot lock {}", path.display())).with_source(error);
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            // Who holds it is told as far as it is known.
            let _ = file.read_to_string(&mut holder);
            return Err(held_by_stack(volume, holder.trim()));
        }
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    }
    if let Some(user) = user_of(volume, engine).await? {
        return Err(match user.labels.get(label::STACK) {
            Some(stack) => held_by_stack(volume, stack),
            None => held(volume, &format!("container `{}`, which is none of greenroom's", user.name))
                .with_hint(format!("stop it first: `docker stop {}`", user.name)),
        });
    }
    file.set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| file.write_all(plan.stack.as_bytes()))
        .map_err(failed)?;
    Ok(Claim { _lock: file })
}

/// The container that runs on the volume. One whose stack is being taken down, because all that it was for has ended, is
/// waited for: the next run may begin the moment the last one ends.
async fn user_of(volume: &PlannedVolume, engine: &dyn Engine) -> Result<Option<FoundContainer>, Error> {
    let on_volume = Filter { labels: Vec::new(), volume: Some(volume.name.clone()) };
    let mut wait = Wait::until(Instant::now() + TAKEN_DOWN_WITHIN, Cadence::CHEAP);
    loop {
        let users = engine.containers(&on_volume).await.map_err(Error::engine)?;
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

/// `stack` is empty in the moment between another start's lock and its name.
fn held_by_stack(volume: &PlannedVolume, stack: &str) -> Error {
    if stack.is_empty() {
        return held(volume, "another stack, which is coming up").with_hint("wait for that stack");
    }
    held(volume, &format!("stack `{stack}`"))
        .with_hint(format!("wait for that stack, or take it down: `greenroom down --stack {stack}`"))
}

fn held(volume: &PlannedVolume, holder: &str) -> Error {
    Error::volume_held(format!("kept volume `{}` is in use by {holder}", volume.key))
        .with_detail(format!("volume: {}", volume.name))
        .with_detail("two servers on one data directory would destroy it".to_owned())
}

/// Checks that every PostgreSQL server which uses a kept volume has its data directory on it, before any test relies on it.
pub(crate) async fn check_durability(
    plan: &Plan,
    services: &BTreeMap<String, RunningService>,
    engine: &dyn Engine,
) -> Result<(), Error> {
    for running in services.values().filter(|running| running.planned.kind == Kind::Postgres) {
        let Some(kept) = plan.kept_volumes_of(&running.planned.service).next() else { continue };
        let limit = running.planned.timeout;
        let directory = tokio::time::timeout(limit, data_directory(running, engine))
            .await
            .unwrap_or_else(|_| Err(unknown_place(running, &format!("no answer within {limit:?}"))))?;
        let mounted = running
            .mounts
            .iter()
            .filter(|mount| is_below(&directory, &mount.target))
            .max_by_key(|mount| mount.target.len());
        let on = mounted.and_then(|mount| mount.volume.as_deref());
        if plan.kept_volumes_of(&running.planned.service).any(|volume| on == Some(volume.name.as_str())) {
            continue;
        }
        let service = &running.planned.name;
        let target = running
            .mounts
            .iter()
            .find(|mount| mount.volume.as_deref() == Some(&kept.name))
            .map_or("", |mount| &mount.target);
        let really = match (mounted, on) {
            (Some(mount), Some(volume)) => {
                format!("in {directory}, on volume {volume} mounted at {}", mount.target)
            }
            (Some(mount), None) => format!("in {directory}, on what is mounted at {}", mount.target),
            (None, _) => format!("in {directory}, in the container's own layer, which is removed with it"),
        };
        return Err(Error::volume(format!("volume `{}` does not keep the data of `{service}`", kept.key))
            .with_detail(format!("the volume is mounted at {target}"))
            .with_detail(format!("PostgreSQL keeps its data {really}"))
            .with_hint(format!(
                "mount the volume where the data is: `{}:{directory}`, or at the folder above",
                kept.key
            )));
    }
    Ok(())
}

/// Where the server keeps its data, links resolved.
/// <https://www.postgresql.org/docs/current/runtime-config-file-locations.html>
async fn data_directory(running: &RunningService, engine: &dyn Engine) -> Result<String, Error> {
    let failed = |what: &str| unknown_place(running, what);
    let port = running.planned.kind.port(&running.planned.service);
    let (Some(login), Some((host, port))) =
        (&running.login, port.and_then(|port| running.ports.get(&format!("{port}/tcp"))))
    else {
        return Err(failed("its port is not published"));
    };
    let asked = async {
        let mut connection = PgConnection::connect_with(&connect_options(host, *port, login)).await?;
        let directory: String =
            sqlx::query("SHOW data_directory").fetch_one(&mut connection).await?.try_get(0)?;
        connection.close().await?;
        Ok::<_, sqlx::Error>(directory)
    };
    let directory = asked.await.map_err(|error| failed(&error.to_string()))?;
    let resolved =
        engine.exec(&running.id, &["readlink".to_owned(), "-f".to_owned(), directory.clone()]).await;
    Ok(match resolved {
        Ok(done) if done.code == 0 && !done.output.trim().is_empty() => done.output.trim().to_owned(),
        // An image without `readlink`: the path as the server names it.
        _ => directory,
    })
}

fn unknown_place(running: &RunningService, what: &str) -> Error {
    let service = &running.planned.name;
    Error::volume(format!("cannot find out where `{service}` keeps its data: {what}"))
}

/// Whether `path` is `folder` or lies below it.
fn is_below(path: &str, folder: &str) -> bool {
    std::path::Path::new(path).starts_with(folder)
}
