//! One service from its image to ready.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::failure::{Failure, ServiceFailure};
use super::image::UsedImage;
use super::start::{Progress, Start};
use super::{external, files, hook, security, spec};
use crate::engine::{ContainerSpec, Engine, EngineError, Exit, FoundMount, Inspection, State};
use crate::event::{Event, ServiceReady};
use crate::kind::{Login, LoginSettings, Probe, Setting};
use crate::plan::{PlannedService, Readiness, Restart, join};
use crate::poll::{Answer, Cadence, GaveUp, Wait};
use crate::probe::{self, Target};

/// How long a service without any other sign must run to count as ready.
const RUNS_FOR: Duration = Duration::from_millis(500);

/// The first pause before a service is started again; each is twice as long as the last, up to the longest.
const RESTART_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_RESTART_PAUSE: Duration = Duration::from_secs(5);

/// A service that is ready: the plan it came from, and what became known since.
#[derive(Clone, Debug)]
pub(crate) struct RunningService {
    pub planned: PlannedService,
    /// The container's id.
    pub id: String,
    pub image: UsedImage,
    /// Host addresses by container port: `5432/tcp`.
    pub ports: BTreeMap<String, (String, u16)>,
    pub mounts: Vec<FoundMount>,
    pub login: Option<Login>,
    /// How it was asked.
    pub probes: Vec<Probe>,
    /// From the container's (last) start to ready.
    pub ready_after: Duration,
    pub restarts: u32,
    /// It ended with 0, as it should.
    pub completed: bool,
}

impl RunningService {
    /// How it was asked, in words.
    pub(crate) fn probe(&self) -> String {
        in_words(&self.planned, &self.probes)
    }

    pub(crate) fn target<'a>(&'a self, engine: &'a dyn Engine) -> Target<'a> {
        Target {
            engine,
            id: &self.id,
            ports: &self.ports,
            login: self.login.as_ref(),
            exec_timeout: self.planned.healthcheck_timeout,
        }
    }
}

/// How a service is asked.
fn in_words(planned: &PlannedService, probes: &[Probe]) -> String {
    match &planned.readiness {
        completed @ Readiness::Completed => completed.to_string(),
        _ => join(probes),
    }
}

/// The host addresses of a service on another's network: they are that one's.
pub(super) async fn ports_of_owner(
    engine: &dyn Engine,
    planned: &PlannedService,
) -> Result<Option<BTreeMap<String, (String, u16)>>, EngineError> {
    match &planned.network_of {
        Some(owner) => Ok(Some(engine.inspect(owner).await?.ports)),
        None => Ok(None),
    }
}

/// Creates the container, waits for `dependencies`, starts it and waits until it is ready.
pub(super) async fn run_service(
    start: &Start,
    planned: &PlannedService,
    image: &UsedImage,
    progress: &watch::Sender<Progress>,
    dependencies: impl Future<Output = ()>,
) -> Result<RunningService, Failure> {
    let name = &planned.name;
    let not_started = |error: String| start.failed(name, ServiceFailure::not_started(error));
    let mut spec = spec::container(&start.plan, planned, &image.reference, &start.owner);
    let security =
        security::read(&planned.service.security_opt, &start.plan.directory).map_err(not_started)?;
    spec.security_opt = security.options;
    spec.shows_system_paths = security.shows_system_paths;
    super::image::make_bind_folders(&spec.mounts).map_err(not_started)?;
    spec.mounts.extend(files::mounts(start, planned).map_err(not_started)?);
    let id = match created_and_started(start, planned, &spec, dependencies).await {
        Ok(id) => id,
        Err(error) => {
            let held = external::address_holder(&start.plan, start.engine.as_ref(), planned).await;
            let failure = ServiceFailure::NotStarted { error: error.to_string(), held };
            return Err(start.failed(name, failure));
        }
    };
    let begin = Instant::now();
    start.observer.tell(&Event::Started { service: name.clone() });
    hook::post_start(start, planned, &id, begin).await?;
    progress.send_replace(Progress::Started);

    let running = until_ready(start, planned, image, &id, begin).await?;
    progress.send_replace(Progress::Ready);
    Ok(running)
}

/// Creates the container while its dependencies come up, which saves time, unless it is made of a part of one of them.
async fn created_and_started(
    start: &Start,
    planned: &PlannedService,
    spec: &ContainerSpec,
    dependencies: impl Future<Output = ()>,
) -> Result<String, EngineError> {
    let create = async {
        let created = {
            let (engine, spec) = (start.engine.clone(), spec.clone());
            start.create(async move { engine.create_container(&spec).await }).await?
        };
        created.warnings.iter().for_each(|warning| start.engine_warns(&planned.name, warning));
        let copies = files::copies(planned);
        if !copies.is_empty() {
            // Into its layer, which stays when it is started again.
            start.engine.copy_into(&created.id, &copies).await?;
        }
        Ok::<_, EngineError>(created.id)
    };
    let id = if spec.is_made_of_others() {
        dependencies.await;
        create.await?
    } else {
        let id = create.await?;
        dependencies.await;
        id
    };
    start.engine.start_container(spec).await?;
    Ok(id)
}

/// Stops the service with its own signal and grace period, starts it again and waits until it is ready. Its hooks are run
/// as at a stop and a start.
pub(super) async fn restart(start: &Start, running: &RunningService) -> Result<RunningService, Failure> {
    let planned = &running.planned;
    let name = &planned.name;
    let engine = |error: EngineError| start.failed(name, ServiceFailure::not_started(error));
    let hooks = &planned.service.pre_stop;
    let failed = hook::pre_stop(start.engine.as_ref(), &running.id, hooks, planned.stop_grace).await;
    if let Some(failure) = failed {
        start.observer.tell(&failure.into_event(name, &start.plan.secrets));
    }
    start.engine.stop(&running.id, planned.stop_grace).await.map_err(engine)?;
    start.engine.restart_container(&running.id).await.map_err(engine)?;
    let begin = Instant::now();
    start.observer.tell(&Event::Started { service: name.clone() });
    hook::post_start(start, planned, &running.id, begin).await?;
    until_ready(start, planned, &running.image, &running.id, begin).await
}

/// Waits until a container that was started at `begin` is ready, and tells it.
async fn until_ready(
    start: &Start,
    planned: &PlannedService,
    image: &UsedImage,
    id: &str,
    begin: Instant,
) -> Result<RunningService, Failure> {
    let probes = planned.readiness.probes(image.healthcheck.as_deref());
    let mut waiting = Waiting { start, planned, id, probes: &probes, begin, last_start: begin, restarts: 0 };
    let seen = waiting.until_ready().await?;
    let running = RunningService {
        id: id.to_owned(),
        image: image.clone(),
        ports: seen.inspection.ports,
        mounts: seen.inspection.mounts,
        login: seen.login,
        ready_after: waiting.last_start.elapsed(),
        restarts: waiting.restarts,
        completed: seen.completed,
        probes,
        planned: planned.clone(),
    };
    start.observer.tell(&Event::Ready(ServiceReady {
        service: planned.name.clone(),
        image: image.reference.clone(),
        after: running.ready_after,
        probe: start.plan.secrets.hide(&running.probe()),
        restarts: running.restarts,
    }));
    Ok(running)
}

/// A container that is waited for.
struct Waiting<'a> {
    start: &'a Start,
    planned: &'a PlannedService,
    id: &'a str,
    probes: &'a [Probe],
    begin: Instant,
    last_start: Instant,
    restarts: u32,
}

/// What was known of a container when it became ready.
struct Seen {
    inspection: Inspection,
    login: Option<Login>,
    completed: bool,
}

/// How one run of the container went.
enum Run {
    Ready(Seen),
    Exited { exit: Exit, last: Option<String> },
    GaveUp(GaveUp),
}

impl Waiting<'_> {
    async fn until_ready(&mut self) -> Result<Seen, Failure> {
        let name = &self.planned.name;
        let deadline = self.begin + self.planned.timeout;
        let mut pause = RESTART_PAUSE;
        loop {
            let (exit, last) = match self.one_run(deadline).await {
                Ok(Run::Ready(seen)) => return Ok(seen),
                Ok(Run::Exited { exit, last }) => (exit, last),
                Ok(Run::GaveUp(gave_up)) => {
                    let failure = ServiceFailure::GaveUp {
                        gave_up,
                        after: self.begin.elapsed(),
                        restarts: self.restarts,
                        probe: in_words(self.planned, self.probes),
                    };
                    return Err(self.start.failed(name, failure));
                }
                Err(error) => return Err(self.start.failed(name, ServiceFailure::Engine(error.to_string()))),
            };
            if !self.restarts_after(&exit) || Instant::now() + pause >= deadline {
                let failure = ServiceFailure::Exited {
                    exit,
                    last,
                    after: self.begin.elapsed(),
                    restarts: self.restarts,
                };
                return Err(self.start.failed(name, failure));
            }
            self.start.observer.tell(&Event::Restarting {
                service: name.clone(),
                exit: self.start.plan.secrets.hide(&exit.to_string()),
                pause,
            });
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_RESTART_PAUSE);
            self.restarts += 1;
            if let Err(error) = self.start.engine.restart_container(self.id).await {
                return Err(self.start.failed(name, ServiceFailure::not_started(error)));
            }
            self.last_start = Instant::now();
        }
    }

    /// Whether this end is "not yet", by the service's restart policy.
    fn restarts_after(&self, exit: &Exit) -> bool {
        match self.planned.restart {
            Restart::No => false,
            Restart::Always => true,
            Restart::OnFailure(most) => exit.code != 0 && most.is_none_or(|most| self.restarts < most),
        }
    }

    /// Waits until the container is ready, has ended, or the deadline has passed.
    async fn one_run(&self, deadline: Instant) -> Result<Run, EngineError> {
        if self.planned.readiness == Readiness::Completed {
            return self.until_completed(deadline).await;
        }
        let mut inspection = self.start.engine.inspect(self.id).await?;
        if let State::Exited(exit) = &inspection.state {
            return Ok(self.ended(exit.clone(), inspection));
        }
        if let Some(ports) = ports_of_owner(self.start.engine.as_ref(), self.planned).await? {
            inspection.ports = ports;
        }
        let login = match self
            .planned
            .login
            .as_ref()
            .map(|login| resolve_login(self.start.engine.as_ref(), self.id, login))
        {
            Some(login) => match tokio::time::timeout_at(deadline, login).await {
                Ok(Ok(login)) => Some(login),
                Ok(Err(last)) => return self.after(GaveUp { attempts: 1, last, timed_out: false }).await,
                Err(_) => {
                    let last = "its login could not be read from the container".to_owned();
                    return self.after(GaveUp { attempts: 1, last, timed_out: true }).await;
                }
            },
            None => None,
        };
        let target = Target {
            engine: self.start.engine.as_ref(),
            id: self.id,
            ports: &inspection.ports,
            login: login.as_ref(),
            exec_timeout: self.planned.healthcheck_timeout,
        };
        for probe in self.probes {
            let mut exited = None;
            let mut wait = Wait::until(deadline, probe::cadence(probe));
            let asked = loop {
                if let Some(end) = wait.attempt(self.ask(probe, &target, &mut exited)).await {
                    break end;
                }
            };
            if let Some(exit) = exited {
                return Ok(self.ended(exit, inspection));
            }
            if let Err(gave_up) = asked {
                return self.after(gave_up).await;
            }
        }
        Ok(Run::Ready(Seen { inspection, login, completed: false }))
    }

    /// Asks once; when the answer is not "ready", looks whether the container has ended.
    async fn ask(&self, probe: &Probe, target: &Target<'_>, exited: &mut Option<Exit>) -> Answer {
        let answer = match probe {
            Probe::Running if self.last_start.elapsed() < RUNS_FOR => {
                Answer::NotYet("it has just started".to_owned())
            }
            probe => probe::ask(probe, target).await,
        };
        let seen = match &answer {
            // That it still runs is what `Running` asks.
            _ if *probe == Probe::Running => None,
            Answer::Ready => return answer,
            Answer::NotYet(seen) | Answer::Never(seen) => Some(seen),
        };
        let name = &self.planned.name;
        match self.start.engine.inspect(self.id).await {
            Ok(Inspection { state: State::Exited(exit), .. }) => {
                // This answer tells at best that nothing runs; the one before it may tell why.
                if let Some(seen) = seen {
                    self.start.saw_first(name, seen);
                }
                *exited = Some(exit);
                Answer::Never("it ended".to_owned())
            }
            Ok(_) => {
                if let Some(seen) = seen {
                    self.start.saw(name, seen);
                }
                answer
            }
            Err(error) => Answer::NotYet(error.to_string()),
        }
    }

    /// A question that failed for good: was it because the container has ended?
    async fn after(&self, gave_up: GaveUp) -> Result<Run, EngineError> {
        let inspection = self.start.engine.inspect(self.id).await?;
        Ok(match &inspection.state {
            State::Exited(exit) => self.ended(exit.clone(), inspection),
            _ => Run::GaveUp(gave_up),
        })
    }

    /// The container has ended: fine where running is all that was asked of it and it ended with 0.
    fn ended(&self, exit: Exit, inspection: Inspection) -> Run {
        if exit.code == 0 && self.probes == [Probe::Running] {
            return Run::Ready(Seen { inspection, login: None, completed: true });
        }
        let last = self
            .start
            .last_seen
            .lock()
            .expect("nothing panics while it holds this lock")
            .get(&self.planned.name)
            .cloned();
        Run::Exited { exit, last }
    }

    async fn until_completed(&self, deadline: Instant) -> Result<Run, EngineError> {
        let mut wait = Wait::until(deadline, Cadence::CHEAP);
        loop {
            let mut seen = None;
            let look = async {
                match self.start.engine.inspect(self.id).await {
                    Ok(Inspection { state: State::Exited(exit), .. }) if exit.code != 0 => {
                        seen = Some(Run::Exited { exit, last: None });
                        Answer::Ready
                    }
                    Ok(inspection @ Inspection { state: State::Exited(_), .. }) => {
                        seen = Some(Run::Ready(Seen { inspection, login: None, completed: true }));
                        Answer::Ready
                    }
                    Ok(_) => Answer::NotYet("it still runs".to_owned()),
                    Err(error) => Answer::NotYet(error.to_string()),
                }
            };
            let end = wait.attempt(look).await;
            match (seen, end) {
                (Some(run), _) => return Ok(run),
                (None, Some(Err(gave_up))) => return Ok(Run::GaveUp(gave_up)),
                (None, _) => {}
            }
        }
    }
}

/// Reads the settings that stand in files inside the container (`POSTGRES_PASSWORD_FILE`).
pub(super) async fn resolve_login(
    engine: &dyn Engine,
    id: &str,
    login: &LoginSettings,
) -> Result<Login, String> {
    let user = read_setting(engine, id, &login.user).await?;
    let password = match &login.password {
        Some(password) => Some(read_setting(engine, id, password).await?),
        None => None,
    };
    let database = read_setting(engine, id, &login.database).await?;
    Ok(Login { user, password, database })
}

async fn read_setting(engine: &dyn Engine, id: &str, setting: &Setting) -> Result<String, String> {
    let path = match setting {
        Setting::Value(value) => return Ok(value.clone()),
        Setting::File(path) => path,
    };
    match engine.exec(id, &["cat".to_owned(), path.clone()]).await {
        // The images cut the line's end off, too.
        Ok(done) if done.code == 0 => Ok(done.output.trim_end_matches(['\n', '\r']).to_owned()),
        Ok(done) => Err(format!("cannot read {path} in the container: {}", done.output.trim())),
        Err(error) => Err(error.to_string()),
    }
}
