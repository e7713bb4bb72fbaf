//! `greenroom volumes`: lists and removes kept volumes.

use greenroom::volume::KeptVolume;
use serde_json::json;

use crate::arguments::{Format, Options};
use crate::failure::Failure;
use crate::{names, output};

pub(crate) async fn ls(options: &Options) -> Result<(), Failure> {
    let format = options.format(&[Format::Text, Format::Json])?;
    let volumes = greenroom::volume::kept_volumes().await?;
    match format {
        Format::Json => {
            let volumes: Vec<_> = volumes
                .iter()
                .map(|volume| {
                    json!({
                        "name": volume.name,
                        "key": volume.key,
                        "project": volume.project,
                        "directory": volume.directory,
                    })
                })
                .collect();
            output::print_json(&json!({"volumes": volumes}))
        }
        Format::Text | Format::Yaml => {
            if volumes.is_empty() {
                output::tell("no kept volumes");
            }
            let lines = volumes.iter().map(|volume| {
                let KeptVolume { name, key, project, directory, .. } = volume;
                format!("{name}  {key} of project {project} in {}\n", directory.display())
            });
            output::print(&lines.collect::<String>())
        }
    }
}

pub(crate) async fn rm(options: &Options, names: &[String]) -> Result<(), Failure> {
    let format = options.format(&[Format::Text, Format::Json])?;
    let kept = greenroom::volume::kept_volumes().await?;
    // Resolve every name before removing anything.
    let mut chosen: Vec<KeptVolume> = Vec::new();
    for name in names {
        let volume = find(options, name, &kept)?;
        if !chosen.contains(&volume) {
            chosen.push(volume);
        }
    }
    let mut removed = Vec::new();
    for volume in chosen {
        let name = volume.name.clone();
        volume.remove().await?;
        output::tell(&format!("removed volume {name}"));
        removed.push(name);
    }
    match format {
        Format::Json => output::print_json(&json!({"removed": removed})),
        Format::Text | Format::Yaml => Ok(()),
    }
}

/// Finds a kept volume by its name on the engine or by its key in this compose file.
fn find(options: &Options, name: &str, kept: &[KeptVolume]) -> Result<KeptVolume, Failure> {
    if let Some(volume) = kept.iter().find(|volume| volume.name == name) {
        return Ok(volume.clone());
    }
    let there_are: Vec<_> = kept.iter().map(|volume| volume.name.clone()).collect();
    // Without a compose file there are no keys.
    let Ok(project) = options.builder().read() else {
        return Err(names::unknown("kept volume", name, &there_are));
    };
    let is_this_files =
        |volume: &&KeptVolume| volume.project == project.name && volume.directory == project.directory;
    match kept.iter().filter(is_this_files).find(|volume| volume.key == name) {
        Some(volume) => Ok(volume.clone()),
        None if project.volumes.contains_key(name) => Err(Failure::Failed(format!(
            "volume `{name}` of this file is not kept\n\nhint: `greenroom volumes ls` lists the kept volumes"
        ))),
        None => {
            let keys = project.volumes.keys().cloned();
            Err(names::unknown("volume", name, &keys.chain(there_are).collect::<Vec<_>>()))
        }
    }
}
