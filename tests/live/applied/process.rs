//! The identity of a process, and what it may do.

use greenroom::StackBuilder;

use super::{Result, Said, applied, inspect};
use crate::skipped::skip;

/// The numbers of capabilities, as in `/proc/self/status`.
const CHOWN: u32 = 0;
const SYS_ADMIN: u32 = 21;
const SYS_TIME: u32 = 25;

fn may(said: &Said, capability: u32) -> Result<bool> {
    Ok(u64::from_str_radix(said.of("capabilities"), 16)? >> capability & 1 == 1)
}

fn process() -> Result<StackBuilder> {
    let platform = match std::env::consts::ARCH {
        "x86_64" => "linux/amd64",
        "aarch64" => "linux/arm64",
        other => return Err(format!("greenroom's live tests do not know the platform of {other}").into()),
    };
    Ok(applied("process").env("PLATFORM", platform))
}

#[tokio::test]
async fn a_privileged_process_may_do_everything() -> Result {
    let stack = match process()?.profile("privileged").up().await {
        Err(error) if format!("{error:?}").contains("unable to apply caps: operation not permitted") => {
            let reason = "the engine itself lacks the privileges that it would have to grant";
            skip(a_privileged_process_may_do_everything, reason);
            return Ok(());
        }
        stack => stack?,
    };
    let privileged = Said::by(&stack, "privileged").await?;
    assert!(may(&privileged, SYS_ADMIN)? && may(&privileged, SYS_TIME)?, "{}", privileged.log);
    stack.down().await?;
    Ok(())
}

#[tokio::test]
async fn a_process_is_what_the_file_says() -> Result {
    let stack = process()?.up().await?;

    let identity = Said::by(&stack, "identity").await?;
    identity.is("user", &["1234:2345"]);
    identity.is("groups", &["2345 3456"]);
    identity.is("folder", &["/usr/share"]);
    identity.is("host", &["teller greenroom.test"]);
    identity.is("given", &["a value with = and  blanks"]);
    identity.is("empty", &["[]"]);
    identity.is("not set", &["[unset]"]);

    let limits = Said::by(&stack, "limits").await?;
    limits.is("machine", &[std::env::consts::ARCH]);
    limits.is("first process", &["docker-init", "tini"]);
    limits.is("root", &["read-only"]);
    limits.has("shm", "size=32768k");
    limits.has("scratch", "size=1024k,mode=700");
    limits.has("files", "1000 2000");
    limits.has("processes", "300 300");
    limits.is("port", &["80"]);
    limits.is("somaxconn", &["99"]);
    assert!(may(&limits, SYS_TIME)? && !may(&limits, CHOWN)? && !may(&limits, SYS_ADMIN)?, "{}", limits.log);
    limits.is("new privileges", &["1"]);
    limits.is("seccomp", &["refuses"]);

    let unconfined = Said::by(&stack, "unconfined").await?;
    unconfined.is("seccomp", &["0"]);
    unconfined.is("hidden", &["0"]);
    unconfined.is("terminal", &["yes"]);

    let devices = Said::by(&stack, "devices").await?;
    devices.is("reads", &["4"]);
    devices.is("messages", &["can be written"]);
    devices.is("reading messages", &["Operation not permitted"]);
    devices.is("one", &["No such device or address"]);
    devices.is("two", &["Operation not permitted"]);

    let names = Said::by(&stack, "names").await?;
    names.is("somewhere", &["192.0.2.7"]);
    names.is("elsewhere", &["192.0.2.8"]);
    for part in ["nameserver 192.0.2.53", "nameserver 192.0.2.54", "search greenroom.test", "options ndots:3"]
    {
        names.has("dns", part);
    }
    let config = inspect(&stack, "names").await?.config.unwrap_or_default();
    assert_eq!(config.labels.unwrap_or_default()["org.greenroom.told"], "by the engine");
    assert!(config.exposed_ports.unwrap_or_default().contains(&"4711/tcp".to_owned()));

    stack.restart("signalled").await?;
    let signalled = Said::by(&stack, "signalled").await?;
    signalled.is("signal", &["USR1"]);
    signalled.is("end", &["clean"]);
    stack.down().await?;
    Ok(())
}
