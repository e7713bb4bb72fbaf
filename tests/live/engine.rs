//! An engine that is killed and started again under a running suite.
//!
//! `GREENROOM_TEST_ENGINE` is a program that runs spare engines: `start NAME old` prints the address, `kill NAME`,
//! `rm NAME`, and `copy NAME IMAGE` copies an image from the machine's own engine.

use std::process::Command;

use crate::skipped::skip;
use crate::world::{World, until};
use crate::{file, shell};

struct Engine {
    tool: String,
    name: String,
}

impl Engine {
    fn does(&self, what: &str, more: &[&str]) -> String {
        let output =
            Command::new(&self.tool).arg(what).arg(&self.name).args(more).output().expect("the tool runs");
        assert!(output.status.success(), "{what}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let _ = Command::new(&self.tool).args(["rm", &self.name]).output();
    }
}

#[tokio::test]
async fn an_engine_that_is_killed_and_started_again_is_recovered_from() -> Result<(), greenroom::Error> {
    let Ok(tool) = std::env::var("GREENROOM_TEST_ENGINE") else {
        let reason = "GREENROOM_TEST_ENGINE names no program that starts engines";
        skip(an_engine_that_is_killed_and_started_again_is_recovered_from, reason);
        return Ok(());
    };
    // The image is built on the machine's own engine.
    let here = shell("one-shot").up().await?;
    let image = here.report().services["idle"].image.clone();
    here.down().await?;

    let engine = Engine { tool, name: format!("greenroom-test-{}", std::process::id()) };
    let host = engine.does("start", &["old"]);
    engine.does("copy", &[&image]);
    let path = file("fixtures/live/shell.yml").display().to_string();
    let world = World::on(&host);
    let mut runner = world.runner();
    let gate = world.gate("gate");
    for _ in 0..2 {
        runner.start(&format!("run {path} {}", gate.path));
    }
    let before = [(); 2].map(|()| runner.processes.says("up"));

    engine.does("kill", &[]);
    runner.start(&format!("test {path}"));
    let line = until("a start fails", || runner.processes.line().filter(|line| line.starts_with("failed")));
    assert!(line.contains(&format!("no container engine answers at {host}")), "{line}");
    gate.open();
    let lost = [(); 2].map(|()| {
        until("a test reports that its stack is lost", || {
            runner.processes.line().filter(|line| line.starts_with("lost"))
        })
    });
    assert!(lost.iter().all(|line| line.contains("idle")), "{lost:?}");

    engine.does("start", &["old"]);
    let gate = world.gate("next");
    runner.start(&format!("run {path} {}", gate.path));
    let replaced = runner.processes.says("replaced");
    assert!(
        before.iter().all(|before| replaced.split(':').next().is_some_and(|name| before.contains(name))),
        "{replaced}"
    );
    runner.processes.says("up");
    gate.open();
    runner.processes.says("fine");
    runner.end();
    let after = world.until_nothing_is_left();
    eprintln!(
        "the engine was killed and started again: a new stack took over, and nothing is left {after:.2?} after the end"
    );
    Ok(())
}
