//! Kept volumes, which belong to the whole engine and not to one state folder.

use std::process::{Child, Output, Stdio};

use serde_json::json;

use super::world::{Project, ask_engine, error, until};

/// A service that uses a kept volume, after one that takes a moment.
const FILE: &str = "
  db:
    <<: *shell
    command: sleep infinity
    stop_signal: SIGKILL
    environment: { VERSION: '${VERSION:-1}' }
    volumes: ['data:/data']
    depends_on: { slow: { condition: service_completed_successfully } }
  slow:
    <<: *shell
    command: sleep ${SECONDS_BEFORE:-0}
volumes: { data: {} }
";

fn up(project: &Project, state: &str) -> std::process::Command {
    project.command(state, &["--keep-volume", "data", "up", "--format", "json"])
}

fn spawn(project: &Project, state: &str) -> Child {
    up(project, state).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the command runs")
}

fn end(child: Child) -> Output {
    child.wait_with_output().expect("the command exits")
}

#[test]
fn of_two_starts_from_different_state_folders_one_gets_the_kept_volume() {
    let project = Project::new("two-states", FILE);
    for _ in 0..5 {
        let both = ["one", "two"].map(|state| spawn(&project, state)).map(end);
        let (ready, refused): (Vec<_>, Vec<_>) = both.iter().partition(|output| output.status.success());
        assert_eq!((ready.len(), refused.len()), (1, 1), "{both:#?}");
        let stack = super::json(ready[0])["stack"].as_str().expect("it has a name").to_owned();
        assert!(error(refused[0]).contains(&format!("in use by stack `{stack}`")), "{}", error(refused[0]));
        project.run("one", &["down", "--stack", &stack]);
    }
}

#[test]
fn a_paused_container_still_uses_its_kept_volume() {
    let project = Project::new("paused", FILE);
    let first = super::json(&end(spawn(&project, "one")));
    let container = first["services"]["db"]["container"].as_str().expect("it has a container").to_owned();
    ask_engine("POST", &format!("/containers/{container}/pause"), "");
    let second = up(&project, "one").env("VERSION", "2").output().expect("the command runs");
    assert_eq!(second.status.code(), Some(1), "{second:?}");
    let stack = first["stack"].as_str().expect("it has a name");
    assert!(error(&second).contains(&format!("in use by stack `{stack}`")), "{}", error(&second));
    ask_engine("POST", &format!("/containers/{container}/unpause"), "");
}

#[test]
fn a_kept_volume_is_not_removed_during_a_start() {
    let project = Project::new("removed", FILE);
    let kept = || super::json(&project.run("one", &["volumes", "ls", "--format", "json"]));
    let is_there = || {
        let volumes = kept();
        let mut volumes = volumes["volumes"].as_array().expect("it is a list").iter();
        volumes.any(|volume| volume["directory"] == json!(project.folder))
    };
    let start = up(&project, "one")
        .env("SECONDS_BEFORE", "3")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command runs");
    until("the volume is there", is_there);
    // From another state folder: a claim belongs to the engine.
    let removed = project.command("two", &["volumes", "rm", "data"]).output().expect("the command runs");
    assert_eq!(removed.status.code(), Some(1), "{removed:?}");
    assert!(error(&removed).contains("in use by stack `greenroom-removed-"), "{}", error(&removed));
    let started = end(start);
    assert!(started.status.success(), "{}", error(&started));
    assert!(is_there(), "{:#}", kept());
    project.run("one", &["down"]);
    project.run("two", &["volumes", "rm", "data"]);
    assert!(!is_there(), "{:#}", kept());
}
