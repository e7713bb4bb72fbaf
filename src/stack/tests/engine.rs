//! A container engine in memory. Its containers follow a script, and it uses tokio's clock, which tests pause.
//!
//! It is as strict as a real engine in what greenroom relies on: names are unique, an object in use can't be removed,
//! and a request is carried out even if its sender does not wait for the answer.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use tokio::time::Instant;

use crate::address::{Address, Addresses};
use crate::compose::{Hook, MountKind};
use crate::engine::{
    BuildSpec, ContainerSpec, Created, Engine, EngineError, ExecOutput, Exit, FileSpec, Filter,
    FoundContainer, FoundMount, FoundObject, Image, Inspection, Keep, NetworkSpec, Progress, Removal, Sink,
    State, VolumeSpec,
};

use crate::plan::{EngineVersion, label};

type Labels = BTreeMap<String, String>;

/// What a service's container does. By default it keeps running, and every command in it exits with 0.
#[derive(Clone, Debug, Default)]
pub(super) struct Script {
    /// The runs in order; the last one repeats.
    runs: Vec<Run>,
    commands: Commands,
    log: String,
    /// What listens in its network; `None` if that cannot be seen.
    listening: Option<Vec<SocketAddr>>,
    ignores_stop_signal: bool,
}

#[derive(Clone, Debug)]
enum Run {
    On,
    Ends(Duration, Exit),
}

/// The outcome of commands in the container.
#[derive(Clone, Debug)]
enum Commands {
    /// These answers in turn; the last one repeats.
    Answer(Vec<ExecOutput>),
    /// Exit code 1 at first, and 0 once the container has run for this long.
    SucceedAfter(Duration),
    Hang,
}

impl Default for Commands {
    fn default() -> Commands {
        Commands::Answer(vec![ExecOutput::default()])
    }
}

impl Script {
    /// The next run exits with `code`.
    pub(super) fn ends(self, after: Duration, code: i64) -> Script {
        self.ends_as(after, Exit { code, ..Exit::default() })
    }

    pub(super) fn ends_as(mut self, after: Duration, exit: Exit) -> Script {
        self.runs.push(Run::Ends(after, exit));
        self
    }

    /// The next run does not end.
    pub(super) fn runs_on(mut self) -> Script {
        self.runs.push(Run::On);
        self
    }

    /// Commands give these exit codes and outputs, in turn; the last one repeats.
    pub(super) fn answers(mut self, answers: impl IntoIterator<Item = (i64, &'static str)>) -> Script {
        let outputs =
            answers.into_iter().map(|(code, output)| ExecOutput { code, output: output.to_owned() });
        self.commands = Commands::Answer(outputs.collect());
        self
    }

    /// Commands fail until the container has run for this long.
    pub(super) fn answers_after(mut self, after: Duration) -> Script {
        self.commands = Commands::SucceedAfter(after);
        self
    }

    /// Commands never end.
    pub(super) fn hangs(mut self) -> Script {
        self.commands = Commands::Hang;
        self
    }

    pub(super) fn logs(mut self, log: impl Into<String>) -> Script {
        self.log = log.into();
        self
    }

    /// These sockets listen in its network.
    pub(super) fn listens_on(mut self, sockets: &[&str]) -> Script {
        let sockets = sockets.iter().map(|socket| socket.parse().expect("the test's sockets are valid"));
        self.listening = Some(sockets.collect());
        self
    }

    /// The container ignores its stop signal, so that a stop takes the whole grace period.
    pub(super) fn ignores_its_stop_signal(mut self) -> Script {
        self.ignores_stop_signal = true;
        self
    }
}

/// Where an image is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whereabouts {
    Nowhere,
    Registry,
    Engine,
    /// On the engine and in a registry, which may have a newer version.
    Both,
}

/// One request.
#[derive(Clone, Debug)]
struct Call {
    at: Duration,
    what: String,
    /// The request changes nothing.
    is_look: bool,
}

#[derive(Clone, Debug)]
struct Container {
    id: String,
    spec: ContainerSpec,
    /// When the container was last started, and how that run goes; `None` if never.
    run: Option<(Instant, Run)>,
    starts: usize,
    paused: bool,
    commands: usize,
    /// What was copied into it.
    files: Vec<FileSpec>,
    /// When somebody else's removal of the container will be complete.
    gone_at: Option<Instant>,
}

impl Container {
    /// Whether `id` is the container's id or name.
    fn is(&self, id: &str) -> bool {
        self.id == id || self.spec.name == id
    }

    fn state(&self) -> State {
        match &self.run {
            None => State::Created,
            Some((begin, Run::Ends(after, exit))) if begin.elapsed() >= *after => State::Exited(exit.clone()),
            Some(_) if self.paused => State::Paused,
            Some(_) => State::Running,
        }
    }

    fn mounts(&self, volume: &str) -> bool {
        self.spec
            .mounts
            .iter()
            .any(|mount| mount.kind == MountKind::Volume && mount.source.as_deref() == Some(volume))
    }
}

#[derive(Debug, Default)]
struct World {
    scripts: BTreeMap<String, Script>,
    images: BTreeMap<String, (Whereabouts, Image)>,
    containers: Vec<Container>,
    networks: BTreeMap<String, Labels>,
    /// The fixed subnets, by network.
    subnets: BTreeMap<String, Vec<String>>,
    volumes: BTreeMap<String, Labels>,
    calls: Vec<Call>,
    /// Errors for requests with this beginning and this end.
    failures: Vec<(String, String, String)>,
    delays: Vec<(String, String, Duration)>,
    /// Containers that somebody else begins to remove just before greenroom does, and how long that takes.
    removals: BTreeMap<String, Duration>,
    /// The engine answers no ping. Of the other requests, those hang that a test tells to take long.
    is_silent: bool,
    /// The engine's warnings for every container it creates.
    warnings: Vec<String>,
}

impl World {
    /// The script of the service that the container's label names.
    fn script(&self, id: &str) -> Script {
        let found = self.containers.iter().find(|container| container.is(id));
        let service = found.and_then(|container| container.spec.labels.get(label::SERVICE));
        service.and_then(|service| self.scripts.get(service)).cloned().unwrap_or_default()
    }

    fn find(&mut self, id: &str) -> Option<&mut Container> {
        self.containers.iter_mut().find(|container| container.is(id))
    }

    /// The name behind an id.
    fn name_of(&self, id: &str) -> String {
        let found = self.containers.iter().find(|container| container.is(id));
        found.map_or_else(|| id.to_owned(), |container| container.spec.name.clone())
    }

    /// The fixed addresses of running containers on a network.
    fn addresses_on(&self, network: &str) -> Vec<(IpAddr, String)> {
        let running = self.containers.iter().filter(|container| container.state() == State::Running);
        let attached = running.flat_map(|container| {
            container.spec.networks.iter().map(move |attachment| (container, attachment))
        });
        let on_it = attached.filter(|(_, attachment)| attachment.network == network);
        on_it
            .filter_map(|(container, attachment)| {
                let address = attachment.ipv4_address.as_ref()?.parse().ok()?;
                Some((address, container.spec.name.clone()))
            })
            .collect()
    }

    fn launch(&mut self, id: &str) -> Result<(), EngineError> {
        let runs = self.script(id).runs;
        let container =
            self.find(id).ok_or_else(|| refused(404, "start a container", "No such container"))?;
        let run = runs.get(container.starts).or(runs.last()).cloned().unwrap_or(Run::On);
        container.starts += 1;
        container.run = Some((Instant::now(), run));
        Ok(())
    }
}

fn refused(status: u16, operation: &str, message: impl Into<String>) -> EngineError {
    EngineError { status: Some(status), ..EngineError::new(operation, message.into()) }
}

pub(super) struct ScriptedEngine {
    world: Arc<Mutex<World>>,
    begin: Instant,
}

/// What tests set up and check.
impl ScriptedEngine {
    pub(super) fn new() -> ScriptedEngine {
        ScriptedEngine { world: Arc::default(), begin: Instant::now() }
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().expect("nothing panics while it holds this lock")
    }

    pub(super) fn script(&self, service: &str, script: Script) {
        self.world().scripts.insert(service.to_owned(), script);
    }

    /// Requests that begin with `operation` (`start container`) and end with `name` fail with `message`.
    pub(super) fn fails(&self, operation: &str, name: &str, message: &str) {
        self.world().failures.push((operation.to_owned(), name.to_owned(), message.to_owned()));
    }

    /// Requests that begin with `operation` and end with `name` take this long.
    pub(super) fn takes(&self, operation: &str, name: &str, time: Duration) {
        self.world().delays.push((operation.to_owned(), name.to_owned(), time));
    }

    /// Somebody else begins to remove the container of this name just before greenroom does, and takes this long.
    pub(super) fn is_removed_elsewhere(&self, name: &str, time: Duration) {
        self.world().removals.insert(name.to_owned(), time);
    }

    pub(super) fn falls_silent(&self) {
        self.world().is_silent = true;
    }

    pub(super) fn warns(&self, warning: &str) {
        self.world().warnings.push(warning.to_owned());
    }

    /// Places an image. By default the engine has every image.
    pub(super) fn image_is(&self, reference: &str, whereabouts: Whereabouts) {
        self.world().images.insert(reference.to_owned(), (whereabouts, Image::default()));
    }

    /// The image is on the engine and in a registry; it got its name on the engine this long ago.
    pub(super) fn image_was_named(&self, reference: &str, ago: Duration) {
        let image = Image { named_at: SystemTime::now().checked_sub(ago), ..Image::default() };
        self.world().images.insert(reference.to_owned(), (Whereabouts::Both, image));
    }

    pub(super) fn image_has_healthcheck(&self, reference: &str, test: &[&str]) {
        let healthcheck = Some(test.iter().map(|&word| word.to_owned()).collect());
        let image = Image { healthcheck, ..Image::default() };
        self.world().images.insert(reference.to_owned(), (Whereabouts::Engine, image));
    }

    /// Somebody else's network.
    pub(super) fn has_network(&self, name: &str) {
        self.has_network_with(name, Labels::new());
    }

    /// Somebody else's network with labels.
    pub(super) fn has_network_with(&self, name: &str, labels: Labels) {
        self.world().networks.insert(name.to_owned(), labels);
    }

    /// Somebody else's volume.
    pub(super) fn has_volume(&self, name: &str) {
        self.world().volumes.insert(name.to_owned(), Labels::new());
    }

    /// Somebody else's running container.
    pub(super) fn has_container(&self, spec: ContainerSpec) {
        let run = Some((Instant::now(), Run::On));
        let id = format!("foreign-{}", spec.name);
        self.world().containers.push(Container {
            id,
            spec,
            run,
            starts: 1,
            paused: false,
            commands: 0,
            files: Vec::new(),
            gone_at: None,
        });
    }

    /// Somebody pauses the container of this name.
    pub(super) fn pauses(&self, name: &str) {
        self.world().find(name).unwrap_or_else(|| panic!("there is no container `{name}`")).paused = true;
    }

    /// Every request that changed something or ran a command, one per line, with its time in milliseconds.
    pub(super) fn timeline(&self) -> String {
        let world = self.world();
        let lines = world.calls.iter().filter(|call| !call.is_look);
        lines.map(|call| format!("{} {}\n", call.at.as_millis(), call.what)).collect()
    }

    /// The times, in milliseconds, of the requests that begin with `operation` and contain `name`.
    pub(super) fn moments(&self, operation: &str, name: &str) -> Vec<u128> {
        let world = self.world();
        let calls = world.calls.iter();
        let meant = calls.filter(|call| call.what.starts_with(operation) && call.what.contains(name));
        meant.map(|call| call.at.as_millis()).collect()
    }

    /// The time of the only such request.
    pub(super) fn moment(&self, operation: &str, name: &str) -> u128 {
        let moments = self.moments(operation, name);
        assert_eq!(moments.len(), 1, "{operation} {name}: {}", self.timeline());
        moments[0]
    }

    /// Everything that exists, one object per line.
    pub(super) fn contents(&self) -> String {
        let world = self.world();
        let containers =
            world.containers.iter().map(|container| format!("container {}\n", container.spec.name));
        let networks = world.networks.keys().map(|name| format!("network {name}\n"));
        let volumes = world.volumes.keys().map(|name| format!("volume {name}\n"));
        containers.chain(networks).chain(volumes).collect()
    }

    /// The labels of everything that exists, by kind and name.
    pub(super) fn labels(&self) -> BTreeMap<String, Labels> {
        let world = self.world();
        let containers = world
            .containers
            .iter()
            .map(|container| (format!("container {}", container.spec.name), container.spec.labels.clone()));
        let networks =
            world.networks.iter().map(|(name, labels)| (format!("network {name}"), labels.clone()));
        let volumes = world.volumes.iter().map(|(name, labels)| (format!("volume {name}"), labels.clone()));
        containers.chain(networks).chain(volumes).collect()
    }

    /// The files that were copied into the container of this name: path and text.
    pub(super) fn files(&self, name: &str) -> Vec<(String, String)> {
        let mut world = self.world();
        let found = world.find(name).map(|container| container.files.clone());
        let files = found.unwrap_or_else(|| panic!("there is no container `{name}`"));
        let text = |file: FileSpec| (file.path, String::from_utf8_lossy(&file.content).into_owned());
        files.into_iter().map(text).collect()
    }

    /// The spec that the container of this name was created from.
    pub(super) fn spec(&self, name: &str) -> ContainerSpec {
        let mut world = self.world();
        let found = world.find(name).map(|container| container.spec.clone());
        found.unwrap_or_else(|| panic!("there is no container `{name}`"))
    }
}

/// How requests are answered.
impl ScriptedEngine {
    /// Records the request; returns its scripted delay and failure.
    fn request(&self, operation: &str, is_look: bool) -> (Duration, Result<(), EngineError>) {
        let mut world = self.world();
        world.containers.retain(|container| container.gone_at.is_none_or(|gone| Instant::now() < gone));
        world.calls.push(Call { at: self.begin.elapsed(), what: operation.to_owned(), is_look });
        let meant = |begin: &String, end: &String| operation.starts_with(begin) && operation.ends_with(end);
        let delay = world.delays.iter().find(|(begin, end, _)| meant(begin, end)).map(|(.., delay)| *delay);
        let failure = world.failures.iter().find(|(begin, end, _)| meant(begin, end));
        let answer = match failure {
            Some((.., message)) => Err(refused(500, operation, message)),
            None => Ok(()),
        };
        (delay.unwrap_or_default(), answer)
    }

    /// Answers a read-only request: at once, and not shown in the timeline.
    fn look<T>(
        &self,
        operation: &str,
        see: impl FnOnce(&mut World) -> Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        self.request(operation, true).1?;
        see(&mut self.world())
    }

    /// Carries out a change, even if the caller stops waiting.
    async fn change<T: Send + 'static>(
        &self,
        operation: String,
        change: impl FnOnce(&mut World) -> Result<T, EngineError> + Send + 'static,
    ) -> Result<T, EngineError> {
        let (delay, answer) = self.request(&operation, false);
        let world = self.world.clone();
        let carried_out = tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            answer?;
            change(&mut world.lock().expect("nothing panics while it holds this lock"))
        });
        carried_out.await.expect("no change panics")
    }
}

#[async_trait]
impl Engine for ScriptedEngine {
    fn version(&self) -> EngineVersion {
        EngineVersion { engine: "28.5.1".to_owned(), api: (1, 51) }
    }

    async fn ping(&self) -> Result<(), EngineError> {
        let is_silent = self.world().is_silent;
        if is_silent { std::future::pending().await } else { Ok(()) }
    }

    async fn image(&self, reference: &str) -> Result<Option<Image>, EngineError> {
        self.look(&format!("inspect image {reference}"), |world| {
            Ok(match world.images.get(reference) {
                // A fallback's name is a hash of its sources: nobody has the image before it is built.
                None => (!reference.starts_with("greenroom-fallback/")).then(Image::default),
                Some((Whereabouts::Engine | Whereabouts::Both, image)) => Some(image.clone()),
                Some(_) => None,
            })
        })
    }

    async fn pull(
        &self,
        reference: &str,
        _platform: Option<&str>,
        progress: Progress<'_>,
    ) -> Result<(), EngineError> {
        progress("layer 1 of 1");
        let operation = format!("pull image {reference}");
        let name = reference.to_owned();
        self.change(operation.clone(), move |world| match world.images.get_mut(&name) {
            Some((whereabouts @ (Whereabouts::Registry | Whereabouts::Both), _)) => {
                *whereabouts = Whereabouts::Both;
                Ok(())
            }
            _ => Err(refused(404, &operation, "repository does not exist")),
        })
        .await
    }

    async fn build(&self, build: &BuildSpec, progress: Progress<'_>) -> Result<(), EngineError> {
        progress("step 1 of 1");
        let name = build.reference.clone();
        let image = Image { labels: build.labels.clone(), ..Image::default() };
        self.change(format!("build image {name}"), move |world| {
            world.images.insert(name, (Whereabouts::Engine, image));
            Ok(())
        })
        .await
    }

    async fn import(&self, _tar: &Path, reference: &str) -> Result<(), EngineError> {
        let name = reference.to_owned();
        self.change(format!("import image {name}"), move |world| {
            world.images.insert(name, (Whereabouts::Engine, Image::default()));
            Ok(())
        })
        .await
    }

    async fn create_network(&self, network: &NetworkSpec) -> Result<(), EngineError> {
        let (name, labels) = (network.name.clone(), network.labels.clone());
        let subnets: Vec<_> = network.ipam.iter().filter_map(|pool| pool.subnet.clone()).collect();
        let operation = format!("create network {name}");
        self.change(operation.clone(), move |world| {
            // A real engine refuses an overlap, too.
            if world.subnets.values().flatten().any(|taken| subnets.contains(taken)) {
                return Err(refused(403, &operation, "Pool overlaps with other one on this address space"));
            }
            world.subnets.insert(name.clone(), subnets);
            world.networks.insert(name, labels);
            Ok(())
        })
        .await
    }

    async fn create_volume(&self, volume: &VolumeSpec) -> Result<FoundObject, EngineError> {
        let (name, labels) = (volume.name.clone(), volume.labels.clone());
        self.change(format!("create volume {name}"), move |world| {
            // Like Docker: an existing volume of that name is used as it is, with its labels.
            let labels = world.volumes.entry(name.clone()).or_insert(labels).clone();
            Ok(FoundObject { name, subnets: Vec::new(), labels })
        })
        .await
    }

    async fn create_container(&self, container: &ContainerSpec) -> Result<Created, EngineError> {
        let operation = format!("create container {}", container.name);
        let spec = container.clone();
        self.change(operation.clone(), move |world| {
            let refuse = |status, message: String| Err(refused(status, &operation, message));
            if world.find(&spec.name).is_some() {
                return refuse(409, format!("the name {} is in use", spec.name));
            }
            if let Some(network) = spec.networks.iter().find(|at| !world.networks.contains_key(&at.network)) {
                return refuse(404, format!("network {} not found", network.network));
            }
            // A real engine would create the volume without labels: a leak.
            let volumes = spec.mounts.iter().filter(|mount| mount.kind == MountKind::Volume);
            for volume in volumes.filter_map(|mount| mount.source.as_ref()) {
                if !world.volumes.contains_key(volume) {
                    return refuse(404, format!("volume {volume} not found"));
                }
            }
            if let Some(from) = spec.volumes_from.first()
                && world.find(from.split(':').next().unwrap_or(from)).is_none()
            {
                return refuse(404, format!("No such container: {from}"));
            }
            let id = format!("id-of-{}", spec.name);
            let warnings = world.warnings.clone();
            let files = Vec::new();
            world.containers.push(Container {
                id: id.clone(),
                spec,
                run: None,
                starts: 0,
                paused: false,
                commands: 0,
                files,
                gone_at: None,
            });
            Ok(Created { id, warnings })
        })
        .await
    }

    async fn copy_into(&self, id: &str, files: &[FileSpec]) -> Result<(), EngineError> {
        let name = self.world().name_of(id);
        let operation = format!("copy {files:?} into {name}");
        let files = files.to_vec();
        self.change(operation.clone(), move |world| {
            let container = world.find(&name).ok_or_else(|| refused(404, &operation, "No such container"))?;
            if container.spec.read_only {
                return Err(refused(400, &operation, "container rootfs is marked read-only"));
            }
            container.files.extend(files);
            Ok(())
        })
        .await
    }

    async fn start_container(&self, container: &ContainerSpec) -> Result<(), EngineError> {
        let name = container.name.clone();
        self.change(format!("start container {name}"), move |world| world.launch(&name)).await
    }

    async fn restart_container(&self, id: &str) -> Result<(), EngineError> {
        let name = self.world().name_of(id);
        self.change(format!("restart container {name}"), move |world| world.launch(&name)).await
    }

    async fn inspect(&self, id: &str) -> Result<Inspection, EngineError> {
        let operation = format!("inspect container {}", self.world().name_of(id));
        self.look(&operation, |world| {
            let container = world.find(id).ok_or_else(|| refused(404, &operation, "No such container"))?;
            let spec = &container.spec;
            let mounts = spec.mounts.iter().map(|mount| FoundMount {
                volume: mount.source.clone().filter(|_| mount.kind == MountKind::Volume),
                target: mount.target.clone(),
            });
            let ports = spec.ports.iter().map(|port| {
                let host_port = if port.host_port == 0 { 49153 } else { port.host_port };
                (port.port, Address::new(port.host_ip.clone(), host_port))
            });
            Ok(Inspection {
                id: container.id.clone(),
                name: spec.name.clone(),
                state: container.state(),
                pid: (container.state() == State::Running).then_some(1),
                addresses: ports.collect(),
                mounts: mounts.collect(),
                image: spec.image.clone(),
            })
        })
    }

    fn listening(&self, container: &Inspection) -> Option<Vec<SocketAddr>> {
        container.pid?;
        self.world().script(&container.id).listening
    }

    async fn exec(&self, id: &str, argv: &[String], _keep: Keep) -> Result<ExecOutput, EngineError> {
        let operation = format!("run `{}` in {}", argv.join(" "), self.world().name_of(id));
        let (delay, answer) = self.request(&operation, false);
        tokio::time::sleep(delay).await;
        answer?;
        let (begin, run, commands, asked) = {
            let mut world = self.world();
            let not_running = || refused(409, &operation, "the container is not running");
            let container = world.find(id).ok_or_else(not_running)?;
            let (begin, run) = container
                .run
                .clone()
                .filter(|_| container.state() == State::Running)
                .ok_or_else(not_running)?;
            let asked = container.commands;
            container.commands += 1;
            (begin, run, world.script(id).commands, asked)
        };
        Ok(match commands {
            Commands::Answer(answers) => {
                answers.get(asked).or(answers.last()).cloned().expect("a script has at least one answer")
            }
            Commands::SucceedAfter(after) if begin.elapsed() >= after => ExecOutput::default(),
            Commands::SucceedAfter(_) => ExecOutput { code: 1, output: "starting".to_owned() },
            // A hanging command ends only with its container.
            Commands::Hang => match run {
                Run::Ends(after, _) => {
                    tokio::time::sleep_until(begin + after).await;
                    ExecOutput { code: 137, output: String::new() }
                }
                Run::On => std::future::pending().await,
            },
        })
    }

    async fn run_hook(&self, id: &str, hook: &Hook) -> Result<ExecOutput, EngineError> {
        self.exec(id, &hook.command, Keep::All).await
    }

    async fn read_log(&self, id: &str, tail: Option<usize>, sink: Sink<'_>) -> Result<(), EngineError> {
        let operation = format!("read the log of {}", self.world().name_of(id));
        let (delay, answer) = self.request(&operation, true);
        answer?;
        let log = {
            let mut world = self.world();
            world.find(id).ok_or_else(|| refused(404, &operation, "No such container"))?;
            world.script(id).log
        };
        let skipped = tail.map_or(0, |tail| log.lines().count().saturating_sub(tail));
        for line in log.split_inclusive('\n').skip(skipped) {
            if !delay.is_zero() {
                tokio::time::sleep(delay).await;
            }
            if sink(line.as_bytes()).is_break() {
                break;
            }
        }
        Ok(())
    }

    async fn stop(&self, id: &str, grace: Duration) -> Result<(), EngineError> {
        let name = self.world().name_of(id);
        let operation = format!("stop container {name} within {grace:?}");
        let (delay, answer) = self.request(&operation, false);
        tokio::time::sleep(delay).await;
        answer?;
        let ignores = self.world().script(id).ignores_stop_signal;
        tokio::time::sleep(if ignores { grace } else { Duration::ZERO }).await;
        let code = if ignores { 137 } else { 0 };
        if let Some(container) = self.world().find(id) {
            container.run =
                Some((Instant::now(), Run::Ends(Duration::ZERO, Exit { code, ..Exit::default() })));
        }
        Ok(())
    }

    async fn remove_container(&self, id: &str) -> Result<Removal, EngineError> {
        let name = self.world().name_of(id);
        let operation = format!("remove container {name}");
        self.change(operation.clone(), move |world| {
            let elsewhere = world.removals.get(&name).copied();
            if let (Some(time), Some(container)) = (elsewhere, world.find(&name)) {
                container.gone_at.get_or_insert(Instant::now() + time);
                let message = format!("removal of container {name} is already in progress");
                return Ok(Removal::UnderWay(refused(409, &operation, message)));
            }
            world.containers.retain(|container| container.spec.name != name);
            Ok(Removal::Gone)
        })
        .await
    }

    async fn remove_network(&self, name: &str) -> Result<(), EngineError> {
        let (operation, name) = (format!("remove network {name}"), name.to_owned());
        self.change(operation.clone(), move |world| {
            let mut attached = world.containers.iter().flat_map(|container| &container.spec.networks);
            if attached.any(|attachment| attachment.network == name) {
                return Err(refused(403, &operation, "the network has active endpoints"));
            }
            world.networks.remove(&name);
            world.subnets.remove(&name);
            Ok(())
        })
        .await
    }

    async fn remove_volume(&self, name: &str) -> Result<(), EngineError> {
        let (operation, name) = (format!("remove volume {name}"), name.to_owned());
        self.change(operation.clone(), move |world| {
            if world.containers.iter().any(|container| container.mounts(&name)) {
                return Err(refused(409, &operation, "the volume is in use"));
            }
            world.volumes.remove(&name);
            Ok(())
        })
        .await
    }

    async fn containers(&self, filter: &Filter) -> Result<Vec<FoundContainer>, EngineError> {
        self.look("list containers", |world| {
            let matching = world.containers.iter().filter(|container| {
                matches(filter, &container.spec.labels)
                    && filter.volume.as_ref().is_none_or(|volume| container.mounts(volume))
            });
            let found = matching.map(|container| FoundContainer {
                id: container.id.clone(),
                name: container.spec.name.clone(),
                image: container.spec.image.clone(),
                running: container.state() == State::Running,
                ended: matches!(container.state(), State::Exited(_)),
                labels: container.spec.labels.clone(),
                addresses: Addresses::default(),
            });
            Ok(found.collect())
        })
    }

    async fn networks(&self, filter: &Filter) -> Result<Vec<FoundObject>, EngineError> {
        self.look("list networks", |world| {
            let mut found = matching(filter, &world.networks);
            for network in &mut found {
                network.subnets = world.subnets.get(&network.name).cloned().unwrap_or_default();
            }
            Ok(found)
        })
    }

    async fn volumes(&self, filter: &Filter) -> Result<Vec<FoundObject>, EngineError> {
        self.look("list volumes", |world| Ok(matching(filter, &world.volumes)))
    }

    async fn network_addresses(&self, name: &str) -> Result<Vec<(IpAddr, String)>, EngineError> {
        self.look("list addresses", |world| Ok(world.addresses_on(name)))
    }
}

fn matching(filter: &Filter, objects: &BTreeMap<String, Labels>) -> Vec<FoundObject> {
    let matching = objects.iter().filter(|(_, labels)| matches(filter, labels));
    matching
        .map(|(name, labels)| FoundObject { name: name.clone(), subnets: Vec::new(), labels: labels.clone() })
        .collect()
}

fn matches(filter: &Filter, labels: &Labels) -> bool {
    filter.labels.iter().all(|wanted| match wanted.split_once('=') {
        Some((name, value)) => labels.get(name).is_some_and(|found| found == value),
        None => labels.contains_key(wanted),
    })
}
