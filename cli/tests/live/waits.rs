//! Waits for others: each says whom it waits for, and a signal or a deadline ends it.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Lines};
use std::os::unix::net::UnixListener;
use std::process::{Child, ChildStderr, Command, Stdio};

use super::world::{Project, error};

const FILE: &str = "
  slow:
    <<: *shell
    command: sleep ${SECONDS:-0}
  idle:
    <<: *shell
    command: sleep infinity
    stop_signal: SIGKILL
    depends_on: { slow: { condition: service_completed_successfully } }
";

/// A command in progress, with its standard error.
struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStderr>>,
}

impl Running {
    fn new(command: &mut Command) -> Running {
        let mut child =
            command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the command runs");
        let lines = BufReader::new(child.stderr.take().expect("it is piped")).lines();
        Running { child, lines }
    }

    /// Waits for a line with these words; gives the line.
    fn says(&mut self, words: &str) -> String {
        let mut said = Vec::new();
        for line in self.lines.by_ref().map_while(Result::ok) {
            if line.contains(words) {
                return line;
            }
            said.push(line);
        }
        panic!("it ended without saying `{words}`: {said:#?}");
    }

    fn signal(&self, name: &str) {
        let killed = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status();
        assert!(killed.is_ok_and(|status| status.success()));
    }

    /// Ends it with SIGTERM, which it must heed.
    fn terminate(mut self) {
        self.signal("TERM");
        let rest: Vec<_> = self.lines.by_ref().map_while(Result::ok).collect();
        assert_eq!(self.child.wait().expect("it is ours").code(), Some(143), "{rest:#?}");
    }
}

#[test]
fn a_held_gate_is_named_and_a_signal_ends_the_wait() {
    let project = Project::new("gate", FILE);
    let locks = project.state("one").join("locks");
    fs::create_dir_all(&locks).expect("there is room");
    let gate = File::create(locks.join("leases")).expect("there is room");
    gate.lock().expect("nobody has it");
    for command in ["up", "smoke"] {
        let mut running = Running::new(&mut project.command("one", &[command]));
        running.says(&format!("waiting for process {} (", std::process::id()));
        running.terminate();
    }
}

#[test]
fn a_stopped_starter_is_named_and_a_signal_ends_the_wait() {
    let project = Project::new("stopped", FILE);
    let mut starter = Running::new(project.command("one", &["up"]).env("SECONDS", "60"));
    starter.says("starting stack");
    super::world::until("the stack is there", || {
        let listed = project.run("one", &["-f", "compose.yaml", "ps", "--format", "json"]);
        super::json(&listed)["stacks"].as_array().is_some_and(|stacks| !stacks.is_empty())
    });
    starter.signal("STOP");
    let its = format!("waiting for process {} (greenroom), which is stopped", starter.child.id());
    let mut second = Running::new(project.command("one", &["up"]).env("SECONDS", "60"));
    second.says(&its);
    second.terminate();
    let mut down = Running::new(&mut project.command("one", &["down"]));
    down.says(&its);
    down.terminate();
    starter.signal("CONT");
    starter.terminate();
}

#[test]
fn an_engine_that_accepts_and_does_not_answer_is_given_up() {
    let project = Project::new("silent", FILE);
    let socket = project.folder.join("engine.sock");
    let _listener = UnixListener::bind(&socket).expect("there is room");
    let host = format!("unix://{}", socket.display());
    let commands = [["up"], ["ps"], ["down"]].map(|arguments| {
        let mut command = project.command("one", &arguments);
        command.env("DOCKER_HOST", &host).stdout(Stdio::null()).stderr(Stdio::piped());
        command.spawn().expect("the command runs")
    });
    for command in commands {
        let output = command.wait_with_output().expect("the command exits");
        assert_eq!(output.status.code(), Some(3), "{output:?}");
        let error = error(&output);
        assert!(error.contains("waiting for the container engine"), "{error}");
        assert!(error.contains("it gave no sign of life within 20s"), "{error}");
    }
}
