//! What containers share, and what only the engine knows about them.

use super::{Result, Said, api, applied, inspect};

#[tokio::test]
async fn namespaces_are_shared_as_the_file_says() -> Result {
    let stack = applied("namespaces").up().await?;
    let (owner, guest) = (Said::by(&stack, "owner").await?, Said::by(&stack, "guest").await?);
    assert_eq!(owner.of("ipc"), guest.of("ipc"));
    assert_eq!(owner.of("pid"), guest.of("pid"));
    guest.has("first process", "sleep infinity");
    owner.is("control group", &["/"]);
    guest.has("control group", "/greenroom-applied/");

    let host = Said::by(&stack, "host-guest").await?;
    assert_ne!(host.of("ipc"), owner.of("ipc"));
    for kind in ["ipc", "pid", "uts", "user"] {
        let hosts = std::fs::read_link(format!("/proc/self/ns/{kind}"))?;
        assert_eq!(host.of(kind), hosts.to_string_lossy(), "{}", host.log);
    }

    let config = inspect(&stack, "owner").await?.host_config.unwrap_or_default();
    assert_eq!(config.runtime.as_deref(), Some("runc"));
    let logging = config.log_config.unwrap_or_default();
    assert_eq!(logging.typ.as_deref(), Some("json-file"));
    assert_eq!(logging.config.unwrap_or_default()["max-size"], "1m");
    if api().await? >= (1, 43) {
        assert_eq!(config.annotations.unwrap_or_default()["org.greenroom.told"], "by the engine");
    }
    // A driver whose log cannot be read is not applied, with a warning.
    let guest = inspect(&stack, "guest").await?.host_config.unwrap_or_default();
    assert_ne!(guest.log_config.unwrap_or_default().typ.as_deref(), Some("syslog"));
    let warnings: Vec<_> = stack.report().warnings.iter().map(ToString::to_string).collect();
    assert!(warnings.iter().any(|warning| warning.contains("services.guest.logging.driver")), "{warnings:?}");
    stack.down().await?;
    Ok(())
}
