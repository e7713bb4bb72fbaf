//! What belongs to somebody else stays: to another state folder, another host, or to the user.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{World, until};
use crate::{ask_engine, file, send_to_engine};

type Result<T = (), E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

fn shell() -> String {
    file("fixtures/live/shell.yml").display().to_string()
}

/// As in two CI jobs with one engine.
#[test]
fn two_state_folders_with_one_run_id_do_not_touch_each_others_stacks() {
    let run = format!("shared-{}", std::process::id());
    let [one, other] = [(); 2].map(|()| World::of_run(&run));
    let gates = [one.gate("gate"), other.gate("gate")];
    let mut runners = [one.runner(), other.runner()];
    for (runner, gate) in runners.iter_mut().zip(&gates) {
        runner.start(&format!("run {} {}", shell(), gate.path));
    }
    let names: Vec<_> = runners.iter().map(|runner| runner.processes.says("up")).collect();
    assert_ne!(names[0].split(' ').nth(1), names[1].split(' ').nth(1), "{names:?}");
    let ([gate, other_gate], [runner, other_runner]) = (gates, runners);
    gate.open();
    runner.end();
    one.until_nothing_is_left();
    // The other's services still answer.
    other_gate.open();
    other_runner.processes.says("fine");
    other_runner.end();
    other.until_nothing_is_left();
}

/// The image has the labels of the container that it was committed from.
#[tokio::test]
async fn a_container_of_an_image_committed_from_ours_stays() -> Result {
    let world = World::new();
    let gate = world.gate("gate");
    let process = world.run(&["test", &shell(), &gate.path]);
    let said = process.says("up");
    let stack = said.split(' ').nth(1).ok_or("it says its name")?;
    let mine = format!("mine-{}", std::process::id());
    let commit = format!("/commit?container={stack}-idle-1&repo={mine}&pause=false");
    assert_eq!(ask_engine(Method::POST, &commit).await?.0, 201);
    let container = json!({"Image": mine, "Cmd": ["sleep", "infinity"], "StopSignal": "SIGKILL"});
    let (status, answer) =
        send_to_engine(Method::POST, &format!("/containers/create?name={mine}"), Some(&container)).await?;
    assert_eq!(status, 201, "{answer}");
    ask_engine(Method::POST, &format!("/containers/{mine}/start")).await?;

    let only_mine = || world.left().iter().all(|left| left.contains(&mine)).then_some(());
    gate.open();
    process.end();
    until("the stack is gone", only_mine);
    // Its starter is dead, and its lease is gone.
    world.run(&["test", &shell()]).end();
    until("the next stack is gone", only_mine);
    let (_, found) = ask_engine(Method::GET, &format!("/containers/{mine}/json")).await?;
    assert_eq!(found["State"]["Running"], true, "{found}");

    ask_engine(Method::DELETE, &format!("/containers/{mine}?force=true")).await?;
    assert_eq!(ask_engine(Method::DELETE, &format!("/images/{mine}")).await?.0, 200);
    Ok(())
}

/// Creates a network as another host's greenroom would have done, this many seconds ago.
async fn network_of_another_host(stack: &str, world: &World, age: u64) -> Result<String> {
    let name = format!("{stack}_default");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_secs();
    let state = world.path("on-that-host").display().to_string();
    let user = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self")?).to_string();
    let since = (now - age).to_string();
    let labels = BTreeMap::from([
        ("greenroom.stack", stack),
        ("greenroom.object", &name),
        ("greenroom.lifetime", "test"),
        ("greenroom.lease", "process-1-1"),
        ("greenroom.state", &state),
        ("greenroom.user", &user),
        ("greenroom.host", "another"),
        ("greenroom.owner", "1-1"),
        ("greenroom.since", &since),
    ]);
    let body = json!({"Name": name, "Labels": labels});
    let (status, answer) = send_to_engine(Method::POST, "/networks/create", Some(&body)).await?;
    assert_eq!(status, 201, "{answer}");
    Ok(name)
}

#[tokio::test]
async fn a_stack_of_another_host_is_removed_only_after_a_long_silence() -> Result {
    let world = World::new();
    let stack = |what: &str| format!("greenroom-{what}-{}", std::process::id());
    let silent = network_of_another_host(&stack("silent"), &world, 3_600).await?;
    let lively = network_of_another_host(&stack("lively"), &world, 60).await?;
    world.run(&["test", &shell()]).end();
    loop {
        let (status, _) = ask_engine(Method::GET, &format!("/networks/{silent}")).await?;
        if status == 404 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let (status, answer): (u16, Value) = ask_engine(Method::GET, &format!("/networks/{lively}")).await?;
    assert_eq!(status, 200, "{answer}");
    let elsewhere = greenroom::stack::elsewhere().await?;
    assert!(elsewhere.iter().any(|found| found.stack == stack("lively")), "{elsewhere:?}");
    let (status, _) = ask_engine(Method::DELETE, &format!("/networks/{lively}")).await?;
    assert_eq!(status, 204);
    Ok(())
}
