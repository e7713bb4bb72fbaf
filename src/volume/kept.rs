//! Lists and removes the kept volumes of this machine.

use std::path::PathBuf;

use futures_util::FutureExt;

use super::claim::{Claim, Taken};
use crate::engine::{Engine, Filter, VolumeSpec};
use crate::error::VolumeUser;
use crate::event::Observer;
use crate::plan::label;
use crate::{Error, liveness, runtime};

/// A volume that outlives its stacks.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeptVolume {
    /// Its name on the engine.
    pub name: String,
    /// Its key in the compose file.
    pub key: String,
    /// The project's name.
    pub project: String,
    /// The project's folder.
    pub directory: PathBuf,
}

/// The kept volumes of this machine.
///
/// # Errors
///
/// There is no container engine, or it does not answer.
pub async fn kept_volumes() -> Result<Vec<KeptVolume>, Error> {
    let filter = Filter::label(label::VOLUME, "kept");
    runtime::run(async move {
        let found = liveness::connect(&Observer::NOBODY).await?.volumes(&filter).await?;
        let kept = found.into_iter().map(|volume| {
            let get = |name: &str| volume.labels.get(name).cloned().unwrap_or_default();
            KeptVolume {
                key: get(label::VOLUME_KEY),
                project: get(label::PROJECT),
                directory: get(label::DIRECTORY).into(),
                name: volume.name.clone(),
            }
        });
        Ok(kept.collect())
    })
    .await
}

impl KeptVolume {
    /// Removes the volume and its data.
    ///
    /// # Errors
    ///
    /// A stack or a container uses the volume, or the engine does not answer.
    pub async fn remove(self) -> Result<(), Error> {
        runtime::run(async move {
            let engine = liveness::connect(&Observer::NOBODY).await?;
            self.remove_on(engine.as_ref()).await
        })
        .await
    }

    /// Removes the volume under a claim, so that no stack comes to use it meanwhile: the engine would make it anew,
    /// without its labels.
    pub(crate) async fn remove_on(&self, engine: &dyn Engine) -> Result<(), Error> {
        let claim = Claim::of_removal(&self.name, &self.key);
        let create = |spec: VolumeSpec| async move { engine.create_volume(&spec).await }.boxed();
        let removed = match claim.take(engine, &create, &Observer::NOBODY).await {
            Ok(()) => self.remove_claimed(engine).await,
            Err(Taken::By(user)) => Err(self.in_use(&user)),
            Err(Taken::Failed(error)) => Err(error.into()),
        };
        let released = claim.release(engine).await;
        removed.and(released.map_err(Error::from))
    }

    async fn remove_claimed(&self, engine: &dyn Engine) -> Result<(), Error> {
        let using = Filter { labels: Vec::new(), volume: Some(self.name.clone()) };
        match engine.containers(&using).await?.into_iter().next() {
            // It has ended, but the engine keeps a volume as long as a container mounts it.
            Some(user) => Err(self.in_use(&VolumeUser::Container(user.name))),
            None => Ok(engine.remove_volume(&self.name).await?),
        }
    }

    fn in_use(&self, user: &VolumeUser) -> Error {
        Error::volume_in_use(&self.key, &self.name, user)
    }
}
