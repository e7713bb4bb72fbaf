//! Limits, as the container's control group has them, of either version.

use super::{Result, Said, applied};

const NONE: &str = "none";

#[tokio::test]
async fn a_container_gets_what_the_file_gives_it() -> Result {
    let stack = applied("resources").up().await?;

    let own = Said::by(&stack, "own-keys").await?;
    own.is("memory", &["67108864"]);
    own.is("memory kept", &["33554432"]);
    own.is("memory and swap", &["100663296", NONE]);
    own.is("swap", &["33554432", NONE]);
    own.is("swappiness", &["10", NONE]);
    own.is("oom control", &["oom_kill_disable 1", NONE]);
    own.is("cpu", &["50000", "50000 100000"]);
    // The second version counts from 1 to 10,000, and its runtimes convert in two ways.
    own.is("cpu weight", &["512", "20", "59"]);
    own.is("cpus", &["0"]);
    own.is("pids", &["50"]);
    own.is("oom score", &["300"]);

    let quota = Said::by(&stack, "period-and-quota").await?;
    quota.is("cpu", &["25000", "25000 50000"]);
    quota.is("cpu period", &["50000", "25000 50000"]);

    let deployed = Said::by(&stack, "deployed").await?;
    deployed.is("memory", &["50331648"]);
    deployed.is("memory kept", &["25165824"]);
    deployed.is("cpu", &["25000", "25000 100000"]);
    deployed.is("pids", &["40"]);

    // Where the kernel has no weights, the engine leaves it out and says so, and so does the report.
    let weighed = Said::by(&stack, "weighed").await?;
    let warnings: Vec<_> = stack.report().warnings.iter().map(ToString::to_string).collect();
    let is_told = warnings.iter().any(|warning| {
        warning.starts_with("services.weighed: the engine warns:") && warning.contains("weight")
    });
    assert!(weighed.of("weight").contains("300") || is_told, "{} {warnings:?}", weighed.log);
    stack.down().await?;
    Ok(())
}
