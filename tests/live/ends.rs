//! No matter how a process ends, its stacks are taken down, unless another process still uses them.

use greenroom::Lifetime;

use crate::file;
use crate::world::{Processes, World, program, signal};

fn shell() -> String {
    file("fixtures/live/shell.yml").display().to_string()
}

/// The stack's name in the line that a program prints when it is up.
fn stack(said: &str) -> String {
    said.split(' ').nth(1).expect("number and name").to_owned()
}

#[test]
fn a_stack_is_removed_no_matter_how_its_program_ends() {
    for lifetime in [Lifetime::Test, Lifetime::Process] {
        let world = World::new();
        let gate = world.gate("gate");
        let by_itself = ["return", "exit", "abort", "panic"];
        let by_a_signal = ["KILL", "INT", "TERM"];
        let start = |end: &str| world.run(&[&lifetime.to_string(), &shell(), &gate.path, end]);
        let ending: Vec<_> = by_itself.map(start).into();
        let killed: Vec<_> = by_a_signal.map(|_| start("return")).into();
        for process in ending.iter().chain(&killed) {
            process.says("up");
        }
        assert_eq!(world.created().len(), by_itself.len() + by_a_signal.len(), "each has its own");
        for (process, name) in killed.iter().zip(by_a_signal) {
            signal(name, process.id());
        }
        killed.into_iter().for_each(|process| drop(process.end()));
        gate.open();
        for process in ending {
            process.says("fine");
            process.end();
        }
        world.until_nothing_is_left();
    }
}

#[test]
fn a_panic_saves_the_logs_and_says_where() {
    for lifetime in [Lifetime::Test, Lifetime::Process, Lifetime::Run] {
        let world = World::new();
        // The gate is open.
        let arguments = [&lifetime.to_string(), &shell(), &shell(), "unwind"];
        let output = world
            .command(world.one_command())
            .arg(program())
            .args(arguments)
            .output()
            .expect("it can be run");
        world.until_nothing_is_left();
        let told = String::from_utf8_lossy(&output.stderr);
        let stack = world.created().pop_first().expect("there was one");
        let folder = world.path("evidence").join(&stack);
        let said = format!("greenroom: the logs of stack {stack} are saved in {}\n", folder.display());
        assert!(told.contains("as tests do") && told.contains(&said), "{lifetime}: {told}");
        assert!(folder.join("idle.log").is_file() && folder.join("state.txt").is_file(), "{lifetime}");
        let panics = std::fs::read_to_string(folder.join("panics.txt")).unwrap_or_default();
        assert_eq!(
            panics.starts_with("main, in process "),
            lifetime != Lifetime::Test,
            "{lifetime}: {panics}"
        );
    }
}

#[test]
fn a_run_lasts_as_long_as_its_runner() {
    let world = World::new();
    let mut runner = world.runner();
    let mut names = Vec::new();
    // Between two iterations, no process uses the stack.
    for _ in 0..3 {
        let gate = world.gate("gate");
        runner.start(&format!("run {} {}", shell(), gate.path));
        names.push(stack(&runner.processes.says("up")));
        gate.open();
        runner.processes.says("fine");
    }
    names.dedup();
    assert_eq!(names.len(), 1, "{names:?}");
    runner.end();
    world.until_nothing_is_left();
    assert_eq!(world.created().into_iter().collect::<Vec<_>>(), names);
}

#[test]
fn a_test_that_outlives_its_runner_keeps_its_stack() {
    let world = World::new();
    let gate = world.gate("gate");
    let mut runner = world.runner();
    runner.start(&format!("run {} {}", shell(), gate.path));
    runner.processes.says("up");
    signal("KILL", runner.processes.id());
    gate.open();
    runner.processes.says("fine");
    assert_eq!(runner.end(), [""; 0]);
    world.until_nothing_is_left();
}

#[test]
fn the_next_up_removes_what_a_killed_watcher_left() {
    let world = World::new();
    let process = world.run(&["test", &shell(), &world.gate("gate").path]);
    process.says("up");
    let watcher = world.watcher();
    signal("KILL", watcher);
    signal("KILL", process.id());
    process.end();
    assert!(!world.left().is_empty(), "nothing was there to take it down");
    let next = world.run(&["test", &shell()]);
    next.says("up");
    next.end();
    world.until_nothing_is_left();
}

#[test]
fn the_next_up_removes_a_stack_whose_state_is_lost() {
    let world = World::new();
    let process = world.run(&["test", &shell(), &world.gate("gate").path]);
    process.says("up");
    signal("KILL", world.watcher());
    std::fs::remove_dir_all(world.path("leases")).expect("it is ours");
    signal("KILL", process.id());
    process.end();
    // The time of the last search for orphans is recorded there, too.
    std::fs::remove_dir_all(world.path("locks")).expect("it is ours");
    assert!(!world.left().is_empty());
    let gate = world.gate("next");
    let next = world.run(&["test", &shell(), &gate.path]);
    let own = stack(&next.says("up"));
    crate::world::until("the orphan is removed", || {
        let left = world.left();
        left.iter().all(|what| what.contains(&own) || what.starts_with("lease")).then_some(())
    });
    gate.open();
    next.says("fine");
    next.end();
    world.until_nothing_is_left();
}

#[test]
fn when_the_starting_process_dies_another_starts_the_stack() {
    let world = World::new();
    let gate = world.gate("gate");
    let mut runner = world.runner();
    for _ in 0..3 {
        runner.start(&format!("run {} {}", shell(), gate.path));
    }
    // One of them is starting the stack, and the others wait for it.
    let first = crate::world::until("a stack is coming up", || starter(&world));
    signal("KILL", first);
    let survivors = [(); 2].map(|()| stack(&runner.processes.says("up")));
    assert_eq!(survivors[0], survivors[1]);
    gate.open();
    for _ in survivors {
        runner.processes.says("fine");
    }
    runner.end();
    world.until_nothing_is_left();
}

/// The process that is starting a stack.
fn starter(world: &World) -> Option<u32> {
    let leases = std::fs::read_dir(world.path("leases")).ok()?.flatten();
    let folders = leases.filter_map(|lease| std::fs::read_dir(lease.path().join("stacks")).ok());
    let records =
        folders.flat_map(|folder| folder.flatten()).filter_map(|entry| std::fs::read(entry.path()).ok());
    let mut records = records.filter_map(|text| serde_json::from_slice::<serde_json::Value>(&text).ok());
    records
        .find(|record| record["facts"].is_null())
        .and_then(|record| record["by"]["pid"].as_u64())
        .and_then(|pid| pid.try_into().ok())
}

#[test]
fn a_kept_stack_stays_for_the_next_run_and_goes_when_nobody_uses_it() {
    let world = World::new();
    let idle = |world: &World| {
        let mut command = world.command(crate::world::program());
        command.args(["keep", &shell()]).env("IDLE_SECONDS", "2").stdin(std::process::Stdio::null());
        Processes::of(&mut command)
    };
    let first = idle(&world);
    let name = stack(&first.says("up"));
    first.end();
    let second = idle(&world);
    assert_eq!(stack(&second.says("up")), name);
    second.end();
    world.until_nothing_is_left();
}

#[test]
fn only_the_user_can_read_the_state() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new();
    let gate = world.gate("gate");
    let process = world.run(&["process", &shell(), &gate.path]);
    process.says("up");
    let mut folders = vec![world.path("leases")];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        let mode = |path: &std::path::Path| {
            std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777
        };
        assert_eq!(mode(&folder), 0o700, "{}", folder.display());
        for entry in std::fs::read_dir(&folder).expect("it is ours").flatten() {
            if entry.path().is_dir() {
                folders.push(entry.path());
            } else {
                assert_eq!(mode(&entry.path()) & 0o077, 0, "{}", entry.path().display());
                files += 1;
            }
        }
    }
    assert!(files >= 4);
    gate.open();
    process.end();
    world.until_nothing_is_left();
}
