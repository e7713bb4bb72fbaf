//! The start graph, readiness, evidence and teardown, tested on an engine in memory with paused time.

mod engine;
mod graph;
mod replicas;
mod external;
mod spec;
mod applied;
mod ready;
mod restart;
mod failure;
mod evidence;
mod hook;
mod image;
mod pull;
mod files;
mod volume;
mod cancel;
mod silent;
mod lease;
mod teardown;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::oneshot;

use super::end::{Evidence, Hooks};
use super::hook::HookFailure;
use super::listing;
use super::owner::Owner;
use super::running::Running;
use super::up::{Start, start_or_clean_up};
use crate::Error;
use crate::compose::{self, Files, Request};
use crate::engine::{Engine as _, FoundContainer};
use crate::event::{Event, Observer};
use crate::lease::Facts;
use crate::plan::{self, Options, Plan};
use crate::state::StateFolder;

use engine::{Script, ScriptedEngine};

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Plans a compose file in `directory`. The options' id is the end of the stack's name.
fn plan_of(directory: &Path, compose: &str, options: &Options) -> Plan {
    /// The compose file, and secret and config files whose content is derived from their names.
    struct OneFile<'a>(&'a str);

    impl Files for OneFile<'_> {
        fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            Ok(if name == "compose.yaml" {
                self.0.into()
            } else {
                format!("content of {name}\n").into_bytes()
            })
        }

        fn is_file(&self, path: &Path) -> bool {
            path.ends_with("compose.yaml")
        }
    }

    let mut request = Request::in_directory(directory);
    request.project_name = Some("shop".to_owned());
    let project = compose::read(&request, &OneFile(compose)).expect("the test's file is valid");
    plan::plan(&project, &OneFile(compose), options).expect("the test's file can be planned")
}

/// A stack on the scripted engine.
struct TestStack {
    engine: Arc<ScriptedEngine>,
    folder: Arc<TestFolder>,
    plan: Arc<Plan>,
    events: Arc<Mutex<Vec<Event>>>,
    /// Additional labels on everything that is created.
    labels: BTreeMap<String, String>,
}

impl TestStack {
    fn of(compose: &str) -> TestStack {
        TestStack::with(compose, Options::default())
    }

    fn with(compose: &str, options: Options) -> TestStack {
        let engine = Arc::new(ScriptedEngine::new());
        let folder = Arc::new(TestFolder::new());
        TestStack::on(engine, folder, Path::new("/shop"), compose, options)
    }

    fn on(
        engine: Arc<ScriptedEngine>,
        folder: Arc<TestFolder>,
        directory: &Path,
        compose: &str,
        mut options: Options,
    ) -> TestStack {
        if options.id.is_empty() {
            options.id = "1".to_owned();
        }
        let plan = Arc::new(plan_of(directory, compose, &options));
        TestStack { engine, folder, plan, events: Arc::default(), labels: BTreeMap::new() }
    }

    /// Another stack on the same engine, by the same user.
    fn beside(&self, id: &str, compose: &str, mut options: Options) -> TestStack {
        options.id = id.to_owned();
        TestStack::on(self.engine.clone(), self.folder.clone(), Path::new("/shop"), compose, options)
    }

    fn script(&self, service: &str, script: Script) {
        self.engine.script(service, script);
    }

    fn state(&self) -> StateFolder {
        StateFolder::at(&self.folder.0)
    }

    async fn up(&self) -> Result<Arc<Running>, Error> {
        // The sender is kept and never used: nobody cancels this start.
        let (_cancel, cancelled) = oneshot::channel();
        self.up_cancellable(cancelled).await
    }

    async fn up_cancellable(&self, cancelled: oneshot::Receiver<()>) -> Result<Arc<Running>, Error> {
        start_or_clean_up(&self.start(), cancelled).await
    }

    fn start(&self) -> Start {
        let events = self.events.clone();
        let observer = Observer::new(move |event| {
            events.lock().expect("nothing panics while it holds this lock").push(event.clone());
        });
        let mut owner = Owner::for_tests();
        owner.labels.extend(self.labels.clone());
        Start::new(self.engine.clone(), self.plan.clone(), observer, owner, self.state())
    }

    /// Brings the stack up, which must fail and leave nothing; returns the complete error.
    async fn failure(&self) -> String {
        let error = match self.up().await {
            Ok(_) => panic!("the start did not fail"),
            Err(error) => error,
        };
        assert_eq!(self.engine.contents(), "", "a failed start left something");
        self.story(&error)
    }

    /// The error as `unwrap()` prints it, with `$STATE` for the state folder, which differs each time.
    fn story(&self, error: &Error) -> String {
        format!("{error:?}").replace(&self.folder.0.display().to_string(), "$STATE")
    }

    /// Takes the stack down as if it never came up.
    async fn down(&self) -> Result<(), Error> {
        self.remove(None).await
    }

    /// Takes the stack down as one that is up.
    async fn down_running(&self, running: Arc<Running>) -> Result<(), Error> {
        self.remove(Some(&self.facts(&running))).await
    }

    /// The facts recorded once the stack is up.
    fn facts(&self, running: &Running) -> Facts {
        running.facts(self.engine.version())
    }

    async fn remove(&self, known: Option<&Facts>) -> Result<(), Error> {
        let on_failure = |service: &str, failure: HookFailure| {
            let event = failure.into_event(service, &self.plan.secrets);
            self.events.lock().expect("nothing panics while it holds this lock").push(event);
        };
        let (engine, hooks) = (self.engine.as_ref(), Hooks { known, on_failure: &on_failure });
        super::end::teardown::remove(engine, &self.state(), &self.plan.stack, &Evidence::Skip, hooks)
            .await
            .map(drop)
    }

    /// The labels that all objects of the stack have.
    fn labels_of_network(&self) -> BTreeMap<String, String> {
        self.engine.labels()[&format!("network {}_default", self.plan.stack)].clone()
    }

    /// The stack's containers, as the engine lists them.
    async fn listed(&self) -> Vec<FoundContainer> {
        listing::containers_of(self.engine.as_ref(), &self.plan.stack).await.expect("the engine answers")
    }

    /// The engine's timeline, without the stack's name in the objects' names.
    fn timeline(&self) -> String {
        let stack = &self.plan.stack;
        self.engine.timeline().replace(&format!("{stack}-"), "").replace(&format!("{stack}_"), "")
    }

    fn events(&self) -> Vec<Event> {
        self.events.lock().expect("nothing panics while it holds this lock").clone()
    }

    /// A file of the saved evidence.
    fn evidence(&self, file: &str) -> String {
        let path = self.evidence_path(file);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    fn evidence_path(&self, file: &str) -> PathBuf {
        self.folder.0.join("evidence").join(&self.plan.stack).join(file)
    }
}

/// A test's own folder, removed on drop.
struct TestFolder(PathBuf);

impl TestFolder {
    fn new() -> TestFolder {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("greenroom-test-{}-{number}", std::process::id()));
        // A killed process with the same id may have left files.
        let _ = std::fs::remove_dir_all(&path);
        crate::state::create_private_folder(&path).expect("the folder for temporary files can be written to");
        TestFolder(path)
    }
}

impl Drop for TestFolder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
