//! Commands of several processes and users on one stack.

use std::process::{Output, Stdio};
use std::time::Duration;

use super::world::{Project, ask_engine, error};

const FILE: &str = "
  idle:
    <<: *shell
    command: sleep infinity
    stop_signal: SIGKILL
";

#[test]
fn an_up_beside_a_down_never_ends_without_its_stack() {
    let project = Project::new("beside", FILE);
    let spawn = |arguments: &[&str]| {
        let mut command = project.command("one", arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the command runs")
    };
    let names = |listed: &Output, list: &str| -> Vec<String> {
        let listed = super::json(listed);
        let stacks = listed[list].as_array().expect("it is a list").iter();
        stacks.filter_map(|stack| stack["stack"].as_str().or(stack.as_str())).map(str::to_owned).collect()
    };
    for round in 0..20 {
        project.run("one", &["up"]);
        let down = spawn(&["down", "--format", "json"]);
        // At every stage of the removal.
        std::thread::sleep(Duration::from_millis(round * 20));
        let up = spawn(&["up", "--format", "json"]).wait_with_output().expect("the command exits");
        let stack = super::json(&up)["stack"].as_str().expect("it has a name").to_owned();
        assert!(up.status.success(), "round {round}: {}", error(&up));
        let down = down.wait_with_output().expect("the command exits");
        assert!(down.status.success(), "round {round}: {}", error(&down));
        let listed = project.run("one", &["-f", "compose.yaml", "ps", "--format", "json"]);
        // A `down` that got its turn after the `up` removes that stack, too.
        let is_there = names(&listed, "stacks").contains(&stack);
        assert!(is_there || names(&down, "removed").contains(&stack), "round {round}: {stack} is gone");
    }
}

#[test]
fn the_stack_of_another_user_is_named_and_left_alone() {
    let project = Project::new("others", FILE);
    let volume = serde_json::json!({
        "Name": "greenroom-others-12345678_data",
        "Labels": {
            "greenroom.object": "greenroom-others-12345678_data",
            "greenroom.stack": "greenroom-others-12345678",
            "greenroom.project": "others",
            "greenroom.directory": project.folder,
            "greenroom.lifetime": "keep",
            "greenroom.user": "4242",
        },
    });
    ask_engine("POST", "/volumes/create", &volume.to_string());
    let of_another = "stack greenroom-others-12345678 of this file belongs to the user with id 4242";
    let down = project.run("one", &["down"]);
    assert!(error(&down).contains("no stack of this file is up"), "{}", error(&down));
    assert!(error(&down).contains(of_another), "{}", error(&down));
    let logs = project.command("one", &["logs"]).output().expect("the command runs");
    assert_eq!(logs.status.code(), Some(1), "{logs:?}");
    assert!(error(&logs).contains(of_another), "{}", error(&logs));
    let up = project.run("one", &["up"]);
    assert!(error(&up).contains(of_another), "{}", error(&up));
    project.run("one", &["down"]);
    // It is still there.
    project.run("one", &["down", "--stack", "greenroom-others-12345678"]);
}
