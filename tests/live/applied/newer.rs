//! What only newer engines support: applied there, and refused on others before anything is started.

use super::{Result, Said, api, applied, inspect, unique};

#[tokio::test]
async fn newer_features_are_applied_or_refused_on_an_older_engine() -> Result {
    // The image that the shell services run, from the report of a stack of them.
    let shell = crate::shell("one-shot").up().await?;
    let image = shell.report().services["idle"].image.clone();
    shell.down().await?;
    let name = format!("newer-{}", unique());
    let folder = tempfile::tempdir()?;
    let builder = applied("newer").project_name(&name).env("IMAGE", &image);
    let start = builder.env("FOLDER", &folder.path().to_string_lossy()).up().await;
    if api().await? < (1, 49) {
        let error = start.expect_err("it is too old for at least one of them");
        let story = format!("{error:?}");
        for part in [
            "newer.yml:",
            "services.new.networks.front.interface_name: needs Docker Engine 28.1",
            "networks.six.enable_ipv4: needs Docker Engine 28.0",
            "hint: update the engine",
        ] {
            assert!(story.contains(part), "{story}");
        }
        let left = greenroom::stack::stacks().await?;
        assert!(left.iter().all(|found| found.project != name), "something was started");
        return Ok(());
    }
    let stack = start?;
    let new = Said::by(&stack, "new").await?;
    new.is("part", &["of the part"]);
    new.is("image", &["/image/bin/sh"]);
    new.has("below", "ro");
    new.is("front", &["02:42:ac:11:65:43"]);
    new.is("back", &["02:42:ac:11:65:44"]);
    new.is("way out", &["back0"]);
    let six = Said::by(&stack, "six").await?;
    six.is("four", &["0"]);
    six.is("six", &["1"]);
    let config = inspect(&stack, "new").await?.host_config.unwrap_or_default();
    assert_eq!(config.annotations.unwrap_or_default()["org.greenroom.told"], "by the engine");
    stack.down().await?;
    Ok(())
}
