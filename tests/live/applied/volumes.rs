//! Mounts of every kind, and what happens to the data on them.

use testcontainers::bollard::models::{MountBindOptionsPropagationEnum, VolumeCreateRequest};
use testcontainers::bollard::query_parameters::RemoveVolumeOptions;
use testcontainers::core::client::docker_client_instance;

use super::{Result, Said, applied, engine, inspect, unique};

/// A volume outside the stack, removed when this is dropped.
struct Somebodys(String);

impl Somebodys {
    async fn new() -> Result<Somebodys> {
        let volume = Somebodys(format!("greenroom-somebodys-{}", unique()));
        let request = VolumeCreateRequest { name: Some(volume.0.clone()), ..VolumeCreateRequest::default() };
        engine().await?.create_volume(request).await?;
        Ok(volume)
    }
}

impl Drop for Somebodys {
    fn drop(&mut self) {
        let name = self.0.clone();
        // Errors are ignored: a failed test already shows its own.
        let _ = greenroom::blocking::wait(async move {
            if let Ok(engine) = docker_client_instance().await {
                let _ = engine.remove_volume(&name, None::<RemoveVolumeOptions>).await;
            }
            Ok(())
        });
    }
}

#[tokio::test]
async fn mounts_are_what_the_file_says() -> Result {
    let folder = tempfile::tempdir()?;
    std::fs::create_dir(folder.path().join("given"))?;
    std::fs::write(folder.path().join("given/file"), "from the host")?;
    let volume = Somebodys::new().await?;
    let up = async || {
        let folder = folder.path().to_string_lossy();
        applied("volumes").env("FOLDER", &folder).env("VOLUME", &volume.0).up().await
    };

    let stack = up().await?;
    let writer = Said::by(&stack, "writer").await?;
    writer.is("theirs", &[""]);
    writer.is("given", &["from the host"]);
    writer.is("given is", &["read-only"]);
    writer.is("labelled", &["from the host"]);
    assert!(!writer.of("private").contains("shared:"), "{}", writer.log);
    assert_ne!(writer.of("copied"), "0", "{}", writer.log);
    writer.is("empty", &["0"]);
    writer.has("small", "size=2048k");
    writer.is("anonymous", &["2"]);
    assert_eq!(std::fs::read_to_string(folder.path().join("made/file"))?.trim(), "from the container");

    let quick = Said::by(&stack, "quick").await?;
    quick.has("quick", "size=1024k");
    assert!(quick.of("quick").ends_with(" 711"), "{}", quick.log);

    let reader = Said::by(&stack, "reader").await?;
    reader.is("data", &["kept"]);
    reader.is("data is", &["read-only"]);
    reader.is("anonymous", &["taken over"]);

    let found = inspect(&stack, "writer").await?;
    let asked = found.host_config.and_then(|config| config.mounts).unwrap_or_default();
    let private = asked.iter().find(|mount| mount.target.as_deref() == Some("/private"));
    let options = private.and_then(|mount| mount.bind_options.clone()).unwrap_or_default();
    assert_eq!(options.propagation, Some(MountBindOptionsPropagationEnum::PRIVATE));
    assert_eq!(options.non_recursive, Some(true));
    let mounts = found.mounts.unwrap_or_default();
    let named = |target: &str| {
        let mount = mounts.iter().find(|mount| mount.destination.as_deref() == Some(target));
        mount.and_then(|mount| mount.name.clone()).ok_or("it is a volume")
    };
    for target in ["/data", "/named-by-nobody"] {
        let found = engine().await?.inspect_volume(&named(target)?).await?;
        assert_eq!(found.labels["org.greenroom.told"], "by the engine", "{target}");
    }
    stack.down().await?;

    // The stack's own volumes are new each time; the outside one still has its data.
    let again = up().await?;
    Said::by(&again, "writer").await?.is("theirs", &["touched"]);
    again.down().await?;
    Ok(())
}
