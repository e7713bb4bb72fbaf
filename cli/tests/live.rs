//! Runs the command against a real container engine.
#![cfg(unix)]

#[path = "live/kept.rs"]
mod kept;
#[path = "live/together.rs"]
mod together;
#[path = "live/waits.rs"]
mod waits;
#[path = "live/world.rs"]
mod world;

use std::io::{BufRead, BufReader, Lines};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, Output, Stdio};

use serde_json::Value;

/// Secrets in the environment of these stacks, which must not appear in any output.
const SECRETS: [&str; 4] = [
    "greenroom-test-database-password",
    "greenroom-test-polygon-api-key",
    "greenroom-test-grafana-password",
    "greenroom-shell-api-token",
];

fn repository(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join(path)
        .canonicalize()
        .expect("the file is in the repository")
}

fn greenroom(file: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_greenroom"));
    command.arg("--file").arg(repository(file)).args(arguments).stdin(Stdio::null());
    command
}

/// Runs the command and checks that its output contains no secret.
fn run(file: &str, arguments: &[&str]) -> Output {
    let output = greenroom(file, arguments).output().expect("the command runs");
    for text in [&output.stdout, &output.stderr] {
        let text = String::from_utf8_lossy(text);
        assert!(SECRETS.iter().all(|secret| !text.contains(secret)), "{text}");
    }
    output
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

/// The names of all stacks on this machine.
fn stacks() -> Vec<String> {
    let listed = json(&run("docker-compose.yml", &["ps", "--all", "--format", "json"]));
    let stacks = listed["stacks"].as_array().expect("`stacks` is a list");
    stacks.iter().map(|stack| stack["stack"].as_str().expect("a stack has a name").to_owned()).collect()
}

/// The name of the stack that the command starts, and the rest of its standard error.
fn started(command: &mut Child) -> (String, Lines<BufReader<ChildStderr>>) {
    let mut lines = BufReader::new(command.stderr.take().expect("it is piped")).lines();
    let started = lines
        .find_map(|line| line.ok()?.strip_prefix("starting stack ").map(str::to_owned))
        .expect("the command prints the stack's name first");
    (started.split(':').next().expect("there is a name before the colon").to_owned(), lines)
}

#[test]
fn smoke_succeeds_twice_at_the_same_moment() {
    let both = [(), ()].map(|()| {
        greenroom("docker-compose.yml", &["smoke", "--format", "json"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the command runs")
    });
    for smoke in both {
        let output = smoke.wait_with_output().expect("the command exits");
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        let report = json(&output);
        assert_eq!(report["project"], "polygon");
        for service in ["timescaledb", "ticker-service", "grafana"] {
            assert_eq!(report["services"][service]["state"], "ready", "{report}");
        }
        let name = report["stack"].as_str().expect("the stack has a name");
        assert!(!stacks().iter().any(|stack| stack == name), "{name} is still there");
    }
}

#[test]
fn up_leaves_a_stack_that_the_other_commands_find() {
    // A project name of its own keeps this test's stacks apart from those of all others.
    let project = format!("live-{}", std::process::id());
    let shell = |arguments: &[&str]| {
        let mut all = vec!["--project-name", &project, "--profile", "one-shot"];
        all.extend(arguments);
        run("fixtures/live/shell.yml", &all)
    };
    let first = json(&shell(&["up", "--format", "json"]));
    assert_eq!(first["services"]["idle"]["state"], "ready", "{first}");
    assert_eq!(first["services"]["migration"]["state"], "completed", "{first}");
    let again = json(&shell(&["up", "--format", "json"]));
    assert_eq!(first["stack"], again["stack"]);
    assert_eq!(first["services"]["idle"]["ready_after_ms"], again["services"]["idle"]["ready_after_ms"]);

    let listed = json(&shell(&["ps", "--format", "json"]));
    assert_eq!(listed["stacks"][0]["stack"], first["stack"]);
    assert_eq!(listed["stacks"][0]["services"]["idle"]["state"], "ready", "{listed}");
    // The project is found by its name from anywhere, and by its file whatever its name.
    let elsewhere = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_greenroom"));
        command.args(["ps", "--format", "json"]).args(arguments).current_dir(env!("CARGO_TARGET_TMPDIR"));
        let listed = json(&command.output().expect("the command runs"));
        let stacks = listed["stacks"].as_array().expect("`stacks` is a list").clone();
        stacks.iter().any(|stack| stack["stack"] == first["stack"])
    };
    let file = repository("fixtures/live/shell.yml").display().to_string();
    assert!(elsewhere(&["-p", &project]) && elsewhere(&["-f", &file]) && elsewhere(&[]));
    assert!(!elsewhere(&["-p", "another"]) && !elsewhere(&["-f", &file, "-p", "another"]));
    let logs = shell(&["logs", "migration"]);
    assert!(String::from_utf8_lossy(&logs.stdout).contains("migrated"), "{logs:?}");
    let unknown = shell(&["logs", "migrations"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("did you mean `migration`?"), "{unknown:?}");

    let down = shell(&["down"]);
    assert_eq!(down.status.code(), Some(0), "{down:?}");
    assert!(!stacks().iter().any(|stack| first["stack"] == **stack));
}

#[test]
fn a_signal_during_the_start_leaves_nothing_and_has_its_own_exit_code() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let mut smoke = greenroom("fixtures/live/shell.yml", &["--profile", "slowly-healthy", "smoke"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the command runs");
        let (name, lines) = started(&mut smoke);
        let killed = Command::new("kill").args(["-s", signal, &smoke.id().to_string()]).status();
        assert!(killed.is_ok_and(|status| status.success()));
        // Read to the end, so that the command never blocks on a full pipe.
        let rest: Vec<_> = lines.map_while(Result::ok).collect();
        let status = smoke.wait().expect("the command exits");
        assert_eq!(status.code(), Some(code), "{rest:?}");
        assert!(!stacks().contains(&name), "{name} is still there: {rest:?}");
    }
}

#[test]
fn a_service_that_exits_makes_smoke_fail_with_the_story() {
    let output = run("fixtures/live/shell.yml", &["--profile", "exits", "smoke", "--format", "json"]);
    assert_eq!(output.status.code(), Some(1));
    let error = &json(&output)["error"];
    assert_eq!(error["kind"], "not-ready", "{error}");
    let evidence = PathBuf::from(error["evidence"].as_str().expect("it names a folder"));
    assert!(evidence.join("exits.log").is_file(), "{error}");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("error: service `exits` exited with 3"), "{told}");
    assert!(told.contains("cannot open the ledger"), "{told}");
}

/// The command, with the test's own state folder.
fn with_state(state: &std::path::Path, arguments: &[&str]) -> Command {
    let mut command = greenroom("fixtures/live/shell.yml", arguments);
    command.env("GREENROOM_STATE_DIR", state);
    command
}

#[test]
fn a_smoke_that_is_killed_leaves_nothing() {
    let state = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("killed-{}", std::process::id()));
    let mut smoke = with_state(&state, &["--profile", "slowly-healthy", "smoke"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command runs");
    // Keep the reader: the command goes on writing to this pipe.
    let (name, _lines) = started(&mut smoke);

    let listed = json(&with_state(&state, &["ps", "--all", "--format", "json"]).output().expect("it runs"));
    if let Some(stack) =
        listed["stacks"].as_array().into_iter().flatten().find(|stack| stack["stack"] == *name)
    {
        assert_eq!(stack["lifetime"], "test");
        assert_eq!(stack["holders"][0]["pid"], smoke.id(), "{stack}");
    }
    // A held stack is never a leftover.
    let pruned =
        json(&with_state(&state, &["prune", "--dry-run", "--format", "json"]).output().expect("it runs"));
    assert!(!pruned["would_remove"].as_array().expect("it is a list").contains(&Value::from(name.clone())));

    smoke.kill().and_then(|()| smoke.wait()).expect("it is ours");
    let begin = std::time::Instant::now();
    while state.join("leases").read_dir().is_ok_and(|mut leases| leases.next().is_some()) {
        assert!(begin.elapsed().as_secs() < 120, "the lease is still there");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert!(!stacks().contains(&name), "{name} is still there");
    std::fs::remove_dir_all(&state).expect("it is ours");
}

#[test]
fn prune_removes_what_a_killed_process_and_a_killed_watcher_left() {
    let state = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("pruned-{}", std::process::id()));
    let mut smoke = with_state(&state, &["--profile", "slowly-healthy", "smoke"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the command runs");
    let begin = std::time::Instant::now();
    let name = loop {
        let listed = stacks_of(&state);
        if let Some(name) = listed.into_iter().next() {
            break name;
        }
        assert!(begin.elapsed().as_secs() < 120, "no stack comes up");
    };
    // Kill the watcher first, so that no watcher takes the stack down.
    for pid in watchers(&state).into_iter().chain([smoke.id()]) {
        let killed = Command::new("kill").args(["-s", "KILL", &pid.to_string()]).status();
        assert!(killed.is_ok_and(|status| status.success()));
    }
    smoke.wait().expect("it is ours");
    let prune = |arguments: &[&str]| {
        let mut all = vec!["prune", "--format", "json"];
        all.extend(arguments);
        json(&with_state(&state, &all).output().expect("the command runs"))
    };
    assert_eq!(prune(&["--dry-run"])["would_remove"], serde_json::json!([name]));
    assert_eq!(stacks_of(&state), std::slice::from_ref(&name));
    assert_eq!(prune(&[])["removed"], serde_json::json!([name]));
    assert_eq!(stacks_of(&state), [""; 0]);
    assert_eq!(prune(&["--dry-run"])["would_remove"], serde_json::json!([]));
    std::fs::remove_dir_all(&state).expect("it is ours");
}

/// The stacks that are recorded in this state folder and exist on the engine.
fn stacks_of(state: &std::path::Path) -> Vec<String> {
    let leases = state.join("leases").read_dir().into_iter().flatten().flatten();
    let folders = leases.filter_map(|lease| lease.path().join("stacks").read_dir().ok());
    let names = folders.flatten().flatten().filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        name.strip_suffix(".json").map(str::to_owned)
    });
    let there_are = stacks();
    names.filter(|name| there_are.contains(name)).collect()
}

fn watchers(state: &std::path::Path) -> Vec<u32> {
    let wanted = format!("GREENROOM_WATCHED_LEASE={}/", state.display());
    let entries = std::fs::read_dir("/proc").expect("there is a process table").flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| {
        let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        String::from_utf8_lossy(&environment).contains(&wanted)
    })
    .collect()
}
