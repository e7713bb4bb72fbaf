//! Checks that a kept volume really holds the data to keep.

use sqlx::postgres::PgConnection;
use sqlx::{Connection, Row};

use crate::Error;
use crate::engine::{Engine, Keep};
use crate::kind::Kind;
use crate::known::RunningService;
use crate::plan::Plan;
use crate::probe::connect_options;

/// Checks that every PostgreSQL server with a kept volume has its data directory on that volume, before any test relies
/// on it.
pub(crate) async fn check_durability(
    plan: &Plan,
    services: impl Iterator<Item = &RunningService>,
    engine: &dyn Engine,
) -> Result<(), Error> {
    for running in services.filter(|running| running.planned.kind == Kind::Postgres) {
        let Some(kept) = plan.kept_volumes_of(&running.planned.service).next() else { continue };
        let limit = running.planned.timeout;
        let directory = tokio::time::timeout(limit, data_directory(running, engine))
            .await
            .unwrap_or_else(|_| Err(unknown_place(running, &format!("no answer within {limit:?}"))))?;
        let mounts = &running.known.mounts;
        let mounted = mounts
            .iter()
            .filter(|mount| is_below(&directory, &mount.target))
            .max_by_key(|mount| mount.target.len());
        let on = mounted.and_then(|mount| mount.volume.as_deref());
        if plan.kept_volumes_of(&running.planned.service).any(|volume| on == Some(volume.name.as_str())) {
            continue;
        }
        let service = &running.planned.name;
        let target = mounts
            .iter()
            .find(|mount| mount.volume.as_deref() == Some(&kept.name))
            .map_or("", |mount| &mount.target);
        let place = match (mounted, on) {
            (Some(mount), Some(volume)) => format!("on volume {volume} mounted at {}", mount.target),
            (Some(mount), None) => format!("on the mount at {}", mount.target),
            (None, _) => "in the container's own layer, which is removed with it".to_owned(),
        };
        return Err(Error::volume_does_not_keep(&kept.key, service, target, &directory, &place));
    }
    Ok(())
}

/// The server's data directory, symbolic links resolved.
/// <https://www.postgresql.org/docs/current/runtime-config-file-locations.html>
async fn data_directory(running: &RunningService, engine: &dyn Engine) -> Result<String, Error> {
    let failed = |what: &str| unknown_place(running, what);
    let port = running.planned.kind.port(&running.planned.service);
    let address = port.and_then(|port| running.known.addresses.tcp(port));
    let (Some(login), Some(address)) = (&running.known.login, address) else {
        return Err(failed("its port is not published"));
    };
    let asked = async {
        let mut connection = PgConnection::connect_with(&connect_options(address, login)).await?;
        let directory: String =
            sqlx::query("SHOW data_directory").fetch_one(&mut connection).await?.try_get(0)?;
        connection.close().await?;
        Ok::<_, sqlx::Error>(directory)
    };
    let directory = asked.await.map_err(|error| failed(&error.to_string()))?;
    let argv = ["readlink".to_owned(), "-f".to_owned(), directory.clone()];
    let resolved = engine.exec(&running.known.id, &argv, Keep::All).await;
    Ok(match resolved {
        Ok(done) if done.code == 0 && !done.output.trim().is_empty() => done.output.trim().to_owned(),
        // An image without `readlink`: the path as the server names it.
        _ => directory,
    })
}

fn unknown_place(running: &RunningService, what: &str) -> Error {
    Error::unknown_data_directory(&running.planned.name, what)
}

/// Whether `path` is `folder` or lies below it.
fn is_below(path: &str, folder: &str) -> bool {
    std::path::Path::new(path).starts_with(folder)
}
