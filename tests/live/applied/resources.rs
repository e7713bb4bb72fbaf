//! Limits, as in the container's control group of either version.

use greenroom::Stack;

use super::{Result, Said, applied};

/// Asserts that a limit is as in the file, or that the report has the engine's warning that it cannot set the limit.
async fn is_or_warns(stack: &Stack, service: &str, name: &str, expected: &[&str], warning: &str) -> Result {
    let begin = format!("services.{service}: the engine warns:");
    let warned = |told: &str| told.starts_with(&begin) && told.contains(warning);
    if !stack.report().warnings.iter().any(|told| warned(&told.to_string())) {
        Said::by(stack, service).await?.is(name, expected);
    }
    Ok(())
}

#[tokio::test]
async fn a_container_gets_what_the_file_gives_it() -> Result {
    let stack = applied("resources").up().await?;

    let own = Said::by(&stack, "own-keys").await?;
    own.is("memory", &["67108864"]);
    own.is("memory kept", &["33554432"]);
    // The first version counts memory and swap together, the second swap alone.
    is_or_warns(&stack, "own-keys", "swap", &["100663296", "33554432"], "swap limit").await?;
    // Only the first version has these two.
    is_or_warns(&stack, "own-keys", "swappiness", &["10"], "memory swappiness").await?;
    is_or_warns(&stack, "own-keys", "oom control", &["oom_kill_disable 1"], "OomKillDisable").await?;
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

    // Many kernels have no weights; those that have one scheduler's only count from 1 to 10,000.
    is_or_warns(&stack, "weighed", "weight", &["300", "default 300", "default 2930"], "weight").await?;
    stack.down().await?;
    Ok(())
}
