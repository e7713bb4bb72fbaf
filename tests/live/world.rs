//! Processes that share stacks, the test runners that start them, and what they leave on the engine.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use tempfile::TempDir;

use crate::file;

/// How long anything may take before a test counts as hung. Nothing should take nearly as long.
pub(crate) const LIMIT: Duration = Duration::from_secs(240);

/// How often a condition is polled.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// The target folder of this build. The example's dependencies are greenroom's, and are compiled there already.
fn target() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("it lies in the target folder")
}

/// Cargo for the example, without the environment variables of this test run.
pub(crate) fn cargo(world: &World, arguments: &[&str]) -> Command {
    let mut command = world.command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command
        .args(arguments)
        .current_dir(file("examples/downstream"))
        .env("CARGO_TARGET_DIR", target())
        .stdin(Stdio::null());
    command
}

/// The example's program, which uses a stack and exits in the way that its arguments state; built once.
pub(crate) fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let built = cargo(&World::new(), &["build", "--locked", "--quiet"]).output().expect("cargo runs");
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        target().join("debug/downstream")
    })
}

/// A test's own state folder, and an engine. Everything with that folder's label belongs to the test.
pub(crate) struct World {
    state: TempDir,
    /// The engine's address, if it is not the machine's own engine.
    host: Option<String>,
    /// The name that its processes give to their run.
    run: Option<String>,
    since: Duration,
}

impl World {
    pub(crate) fn new() -> World {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
        World { state: TempDir::new().expect("there is room"), host: None, run: None, since }
    }

    pub(crate) fn on(host: &str) -> World {
        World { host: Some(host.to_owned()), ..World::new() }
    }

    pub(crate) fn of_run(run: &str) -> World {
        World { run: Some(run.to_owned()), ..World::new() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.state.path().join(name)
    }

    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env("GREENROOM_STATE_DIR", self.state.path());
        for variable in
            ["NEXTEST", "NEXTEST_RUN_ID", "NEXTEST_PROFILE", "GREENROOM_RUN_ID", "GREENROOM_LIFETIME"]
        {
            command.env_remove(variable);
        }
        if let Some(host) = &self.host {
            command.env("DOCKER_HOST", host);
        }
        if let Some(run) = &self.run {
            command.env("GREENROOM_RUN_ID", run);
        }
        command
    }

    /// Sends a request to the engine.
    fn get(&self, path: &str, filters: &Value) -> String {
        let host = self.host.clone().or_else(|| std::env::var("DOCKER_HOST").ok()).unwrap_or_default();
        let socket = host.strip_prefix("unix://").unwrap_or("/var/run/docker.sock");
        let filters: String = url::form_urlencoded::byte_serialize(filters.to_string().as_bytes()).collect();
        let mut stream = UnixStream::connect(socket).expect("an engine answers");
        // With HTTP/1.0 the answer is not chunked and ends with the connection.
        write!(stream, "GET {path}&filters={filters} HTTP/1.0\r\nHost: engine\r\n\r\n").expect("it listens");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        let (head, body) = answer.split_once("\r\n\r\n").expect("it speaks HTTP");
        assert!(head.contains(" 200 "), "{answer}");
        body.to_owned()
    }

    fn mine(&self) -> String {
        format!("greenroom.state={}", self.state.path().display())
    }

    /// What this test has left on the engine, and the leases that have not ended.
    pub(crate) fn left(&self) -> Vec<String> {
        let filters = serde_json::json!({"label": [self.mine()]});
        let list = |path: &str| -> Value {
            serde_json::from_str(&self.get(path, &filters)).expect("the engine writes JSON")
        };
        let containers = list("/containers/json?all=true");
        let networks = list("/networks?x=");
        let volumes = list("/volumes?x=");
        let names = |list: &Value, what: &str, name: &str| -> Vec<String> {
            list.as_array().into_iter().flatten().map(|each| format!("{what} {}", each[name])).collect()
        };
        let leases = fs::read_dir(self.path("leases")).into_iter().flatten().flatten();
        let leases = leases.map(|entry| format!("lease {}", entry.file_name().display()));
        names(&containers, "container", "Names")
            .into_iter()
            .chain(names(&networks, "network", "Name"))
            .chain(names(&volumes["Volumes"], "volume", "Name"))
            .chain(leases)
            .collect()
    }

    /// Waits until nothing is left; gives how long that took.
    pub(crate) fn until_nothing_is_left(&self) -> Duration {
        let begin = Instant::now();
        loop {
            let left = self.left();
            if left.is_empty() {
                return begin.elapsed();
            }
            assert!(begin.elapsed() < LIMIT, "this is still there: {left:#?}");
            std::thread::sleep(LOOK_AGAIN);
        }
    }

    /// The stacks of this test for which the engine has created containers, from its events.
    pub(crate) fn created(&self) -> BTreeSet<String> {
        let filters = serde_json::json!({"type": ["container"], "event": ["create"], "label": [self.mine()]});
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
        let times = [self.since, now].map(|time| format!("{}.{:09}", time.as_secs(), time.subsec_nanos()));
        let events = self.get(&format!("/events?since={}&until={}", times[0], times[1]), &filters);
        let stacks = events.lines().map(|line| -> Value { serde_json::from_str(line).expect("it is JSON") });
        stacks
            .map(|event| {
                event["Actor"]["Attributes"]["greenroom.stack"].as_str().unwrap_or_default().to_owned()
            })
            .collect()
    }

    /// The watchers of this test's leases.
    pub(crate) fn watchers(&self) -> Vec<u32> {
        let state = self.state.path().display().to_string();
        let watches = |pid: &u32| {
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            let mut variables = environment.split(|byte| *byte == 0).map(String::from_utf8_lossy);
            variables.any(|variable| variable.starts_with(&format!("GREENROOM_WATCHED_LEASE={state}/")))
        };
        let entries = fs::read_dir("/proc").expect("there is a process table").flatten();
        entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(watches).collect()
    }

    /// Waits until a watcher runs; gives its process id.
    pub(crate) fn watcher(&self) -> u32 {
        until("a watcher is there", || self.watchers().first().copied())
    }

    /// Runs the program, with these arguments.
    pub(crate) fn run(&self, arguments: &[&str]) -> Processes {
        Processes::of(self.command(program()).args(arguments).stdin(Stdio::null()))
    }

    /// A gate at which programs wait.
    pub(crate) fn gate(&self, name: &str) -> Gate {
        let path = self.path(name);
        let file = File::create(&path).expect("there is room");
        file.lock().expect("nothing else locks it");
        Gate { path: path.display().to_string(), file }
    }

    /// A test runner named `cargo`, which runs one command and ends with it.
    pub(crate) fn one_command(&self) -> PathBuf {
        self.script("#!/bin/sh\n\"$@\"\nexit $?\n")
    }

    /// A test runner named `cargo`, which runs the program with the arguments that it reads.
    pub(crate) fn runner(&self) -> Runner {
        let script = self.script(&format!(
            "#!/bin/sh\nwhile read -r arguments; do {} $arguments & echo \"child $!\"; done\nwait\n",
            program().display()
        ));
        let mut processes = Processes::of(self.command(script).stdin(Stdio::piped()));
        let stdin = processes.child.stdin.take();
        Runner { processes, stdin }
    }

    /// A script named `cargo`.
    fn script(&self, text: &str) -> PathBuf {
        let script = self.path("cargo");
        // Another runner of this test may be running the same script.
        if !script.exists() {
            let new = self.path("cargo.new");
            fs::write(&new, text).expect("there is room");
            fs::set_permissions(&new, fs::Permissions::from_mode(0o755)).expect("it is ours");
            fs::rename(&new, &script).expect("it is ours");
        }
        script
    }
}

/// Waits until `look` finds something.
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begin.elapsed() < LIMIT, "{what}: did not happen in time");
        std::thread::sleep(LOOK_AGAIN);
    }
}

/// A file lock at which programs wait until the test opens it.
pub(crate) struct Gate {
    pub(crate) path: String,
    file: File,
}

impl Gate {
    pub(crate) fn open(self) {
        self.file.unlock().expect("it is locked");
    }
}

/// A process, and what it and its children print.
pub(crate) struct Processes {
    child: Child,
    lines: Receiver<String>,
}

impl Processes {
    pub(crate) fn of(command: &mut Command) -> Processes {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("it can be run");
        let stdout = child.stdout.take().expect("it is piped");
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                // A failed test does not read the rest.
                let _ = sender.send(line);
            }
        });
        Processes { child, lines }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The rest of the next line that begins with `word`. Skips the lines before it.
    pub(crate) fn says(&self, word: &str) -> String {
        let begin = Instant::now();
        loop {
            let line = self.line().unwrap_or_else(|| panic!("it ended without saying `{word}`"));
            assert!(begin.elapsed() < LIMIT, "it did not say `{word}`");
            if let Some(rest) = line.strip_prefix(word) {
                return rest.trim().to_owned();
            }
            assert!(!line.starts_with("failed") && !line.starts_with("lost"), "{line}");
        }
    }

    /// The next line; `None` when all processes that could print have ended.
    pub(crate) fn line(&self) -> Option<String> {
        match self.lines.recv_timeout(LIMIT) {
            Ok(line) => Some(line),
            Err(mpsc::RecvTimeoutError::Disconnected) => None,
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("it hangs"),
        }
    }

    /// Waits for the end of the process and of all that share its output; gives the remaining lines.
    pub(crate) fn end(mut self) -> Vec<String> {
        let rest = std::iter::from_fn(|| self.line()).collect();
        self.child.wait().expect("it is ours");
        rest
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        // It still runs only after a failed test.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A process whose children are tests.
pub(crate) struct Runner {
    pub(crate) processes: Processes,
    stdin: Option<ChildStdin>,
}

impl Runner {
    /// Starts the program with these arguments.
    pub(crate) fn start(&mut self, arguments: &str) {
        let stdin = self.stdin.as_mut().expect("the runner has not been ended");
        writeln!(stdin, "{arguments}").expect("it reads");
    }

    /// Lets the runner end, and waits for that and for its children.
    pub(crate) fn end(mut self) -> Vec<String> {
        drop(self.stdin.take());
        self.processes.end()
    }
}

/// Sends a signal. It is no failure if the process has ended.
pub(crate) fn signal(name: &str, pid: u32) {
    let _ = Command::new("kill").args(["-s", name, &pid.to_string()]).stderr(Stdio::null()).status();
}
