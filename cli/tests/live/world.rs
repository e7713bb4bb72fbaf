//! A project of a test's own, and the engine without greenroom.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use super::repository;

/// How long anything may take before a test counts as hung.
const LIMIT: Duration = Duration::from_secs(240);

/// A project in a folder of its own. Its stacks and kept volumes are removed on drop.
pub(crate) struct Project {
    pub(crate) folder: PathBuf,
}

impl Project {
    /// `services` is the rest of the compose file after `services:`; `<<: *shell` gives a service its image.
    pub(crate) fn new(name: &str, services: &str) -> Project {
        let folder =
            PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("there is room");
        let images = repository("fixtures/images");
        let images = images.display();
        let text = format!(
            "name: {name}
x-shell: &shell
  image: debian:trixie-slim
  x-greenroom:
    fallback:
      context: {images}/shell
      base: {{ image: 'debian:trixie-slim', script: {images}/base.sh }}
services:{services}"
        );
        std::fs::write(folder.join("compose.yaml"), text).expect("there is room");
        Project { folder: folder.canonicalize().expect("it is there") }
    }

    /// The command in the project's folder, with the state folder of this name.
    pub(crate) fn command(&self, state: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_greenroom"));
        command
            .args(arguments)
            .current_dir(&self.folder)
            .env("GREENROOM_STATE_DIR", self.state(state))
            .stdin(Stdio::null());
        command
    }

    /// Runs the command, which must succeed.
    pub(crate) fn run(&self, state: &str, arguments: &[&str]) -> Output {
        let output = self.command(state, arguments).output().expect("the command runs");
        assert!(output.status.success(), "{arguments:?}: {}", error(&output));
        output
    }

    pub(crate) fn state(&self, name: &str) -> PathBuf {
        self.folder.join("state").join(name)
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        let down = self.command("drop", &["down"]).output();
        // There may be no such volume.
        let _ = self.command("drop", &["volumes", "rm", "data"]).output();
        if !std::thread::panicking() {
            assert!(down.is_ok_and(|down| down.status.success()));
            std::fs::remove_dir_all(&self.folder).expect("it is ours");
        }
    }
}

/// What the command wrote to standard error.
pub(crate) fn error(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Waits until `look` says yes.
pub(crate) fn until(what: &str, mut look: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !look() {
        assert!(begin.elapsed() < LIMIT, "{what}: did not happen in time");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Sends a request to the engine itself, which must succeed.
pub(crate) fn ask_engine(method: &str, path: &str, body: &str) {
    let host = std::env::var("DOCKER_HOST").unwrap_or_default();
    let socket = host.strip_prefix("unix://").unwrap_or("/var/run/docker.sock");
    let mut stream = UnixStream::connect(socket).expect("an engine answers");
    // With HTTP/1.0 the answer ends with the connection.
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.0\r\nHost: engine\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .expect("it listens");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    assert!(answer.contains(" 20"), "{method} {path}: {answer}");
}
