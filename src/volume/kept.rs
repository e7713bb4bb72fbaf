//! Lists and removes the kept volumes of this machine.

use std::path::PathBuf;

use crate::engine::{self, Filter};
use crate::plan::label;
use crate::{Error, runtime};

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
        let found = engine::connect().await?.volumes(&filter).await?;
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
    /// A container uses the volume, or the engine does not answer.
    pub async fn remove(self) -> Result<(), Error> {
        runtime::run(async move {
            let engine = engine::connect().await?;
            let using = Filter { labels: Vec::new(), volume: Some(self.name.clone()) };
            if let Some(user) = engine.containers(&using).await?.first() {
                let stack = user.labels.get(label::STACK).map(String::as_str);
                return Err(Error::volume_in_use(&self.key, &self.name, &user.name, stack));
            }
            Ok(engine.remove_volume(&self.name).await?)
        })
        .await
    }
}
