//! What this process knows of a stack whose services are all ready.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, RwLock, Weak};
use std::time::Duration;

use futures_util::future::join_all;

use crate::compose::{Secrets, Warning};
use crate::engine::{Engine, Inspection, State};
use crate::kind::Probe;
use crate::known::RunningService;
use crate::lease::{Facts, ServiceFacts};
use crate::plan::{EngineVersion, Plan, ReadyWhen};
use crate::poll::{self, Answer};
use crate::probe::{self, Target};
use crate::report::{Report, ServiceStatus, Silent};

/// How long a service that was ready may fail to answer before it counts as silent.
const PATIENCE: Duration = Duration::from_secs(5);

/// A stack whose services are all ready.
pub(crate) struct Running {
    pub plan: Arc<Plan>,
    services: RwLock<BTreeMap<String, Arc<RunningService>>>,
    /// From the start of `up` until the last service was ready, images included.
    pub total: Duration,
    /// Warnings of the plan and of the engine.
    warnings: Vec<Warning>,
}

/// The stacks that this process holds a value of.
static IN_USE: Mutex<Vec<Weak<Running>>> = Mutex::new(Vec::new());

impl Running {
    pub(super) fn new(
        plan: Arc<Plan>,
        services: BTreeMap<String, RunningService>,
        total: Duration,
        engine_warnings: Vec<Warning>,
    ) -> Arc<Running> {
        let warnings = plan.warnings.iter().cloned().chain(engine_warnings).collect();
        let services = services.into_iter().map(|(name, service)| (name, Arc::new(service))).collect();
        let running = Arc::new(Running { plan, services: RwLock::new(services), total, warnings });
        let mut in_use = IN_USE.lock().expect("nothing panics while it holds this lock");
        in_use.retain(|in_use| in_use.strong_count() > 0);
        in_use.push(Arc::downgrade(&running));
        running
    }

    /// The services as they are now.
    pub(crate) fn services(&self) -> BTreeMap<String, Arc<RunningService>> {
        self.services.read().expect("nothing panics while it holds this lock").clone()
    }

    /// Replaces a service after a restart: its ports may have changed.
    pub(super) fn replace(&self, service: RunningService) {
        self.services
            .write()
            .expect("nothing panics while it holds this lock")
            .insert(service.planned.name.clone(), Arc::new(service));
    }

    /// The services, and how long each took to become ready.
    pub(crate) fn report(&self) -> Report {
        let services = self.services().into_iter().map(|(name, service)| {
            let status =
                if service.known.completed { ServiceStatus::Completed } else { ServiceStatus::Ready };
            let container = service.planned.container.clone();
            (name, service.known.clone().report(container, status, self.asked(&service)))
        });
        Report {
            stack: self.plan.stack.clone(),
            project: self.plan.project.clone(),
            services: services.collect(),
            total: self.total,
            warnings: self.warnings.clone(),
        }
    }

    /// The facts about the stack that other processes need.
    pub(super) fn facts(&self, engine: EngineVersion) -> Facts {
        let services = self.services().into_iter().map(|(name, service)| {
            let facts = ServiceFacts {
                known: service.known.clone(),
                probe: self.asked(&service),
                pre_stop: service.planned.service.pre_stop.clone(),
                stop_grace: service.planned.stop_grace,
            };
            (name, facts)
        });
        Facts { engine, total: self.total, services: services.collect() }
    }

    /// Describes how the service was probed, secrets hidden.
    fn asked(&self, service: &RunningService) -> String {
        self.plan.secrets.hide(&service.ready_when().to_string())
    }

    /// Probes every service; returns those that do not answer.
    pub(super) async fn silent(&self, engine: &dyn Engine) -> Vec<Silent> {
        let services = self.services();
        let asked = services.values().filter(|service| !service.known.completed);
        let secrets = &self.plan.secrets;
        let looks = asked.map(async |service| (service, last_look(engine, service, secrets).await));
        let answers = join_all(looks).await;
        let silent = answers.into_iter().flat_map(|(service, unanswered)| {
            let silent =
                |seen: String| Silent { service: service.planned.name.clone(), seen: secrets.hide(&seen) };
            unanswered.into_iter().map(silent)
        });
        silent.collect()
    }
}

/// Whether this process holds a value of the stack of this name.
pub(super) fn is_used_here(stack: &str) -> bool {
    let in_use = IN_USE.lock().expect("nothing panics while it holds this lock");
    in_use.iter().filter_map(Weak::upgrade).any(|running| running.plan.stack == stack)
}

/// Runs all probes of a service once more; gives what was seen where one does not succeed.
async fn last_look(engine: &dyn Engine, service: &RunningService, secrets: &Secrets) -> Vec<String> {
    let answers = match service.ready_when() {
        ReadyWhen::Answers(probes) => {
            let target = Target { engine, planned: &service.planned, known: &service.known, secrets };
            join_all(probes.iter().map(|probe| look(probe, &target))).await
        }
        ReadyWhen::StaysUp | ReadyWhen::Completes => vec![still_runs(engine, &service.known.id).await],
    };
    let seen = answers.into_iter().filter_map(|answer| match answer {
        Answer::Ready => None,
        Answer::NotYet(seen) | Answer::Never(seen) => Some(seen),
    });
    seen.collect()
}

/// Asks for a few seconds: on a busy machine, a service that answered once may be slow to do so again.
async fn look(probe: &Probe, target: &Target<'_>) -> Answer {
    let answer = poll::ask_for(PATIENCE, probe::cadence(probe), || async {
        let answer = probe::ask(probe, target).await;
        if answer == Answer::Ready {
            return answer;
        }
        // Asking a container that has exited again is pointless.
        match still_runs(target.engine, &target.known.id).await {
            Answer::Ready => answer,
            ended => ended,
        }
    });
    match answer.await {
        Answer::NotYet(seen) => Answer::NotYet(match target.unreachable(probe).await {
            Some(unreachable) => format!("{seen}; {unreachable}"),
            None => seen,
        }),
        answer => answer,
    }
}

/// Checks a service that has no probe: only the engine knows whether it runs.
async fn still_runs(engine: &dyn Engine, id: &str) -> Answer {
    match engine.inspect(id).await {
        Ok(Inspection { state: State::Running, .. }) => Answer::Ready,
        Ok(Inspection { state: State::Exited(exit), .. }) => Answer::Never(format!("it {exit}")),
        Ok(_) => Answer::Never("it is not running".to_owned()),
        Err(error) => Answer::Never(error.to_string()),
    }
}
