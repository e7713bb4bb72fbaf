//! What this process knows of a stack whose services are all ready.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, RwLock, Weak};
use std::time::Duration;

use crate::compose::{Secrets, Warning};
use crate::engine::{Engine, Inspection, State};
use crate::known::RunningService;
use crate::lease::{Facts, ServiceFacts};
use crate::plan::{EngineVersion, Plan, ReadyWhen};
use crate::poll::Answer;
use crate::probe::{self, Target};
use crate::report::{Report, ServiceStatus, Silent};

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
        let mut silent = Vec::new();
        for service in self.services().values().filter(|service| !service.known.completed) {
            for answer in answers(engine, service, &self.plan.secrets).await {
                if let Answer::NotYet(seen) | Answer::Never(seen) = answer {
                    let service = service.planned.name.clone();
                    silent.push(Silent { service, seen: self.plan.secrets.hide(&seen) });
                }
            }
        }
        silent
    }
}

/// Whether this process holds a value of the stack of this name.
pub(super) fn is_used_here(stack: &str) -> bool {
    let in_use = IN_USE.lock().expect("nothing panics while it holds this lock");
    in_use.iter().filter_map(Weak::upgrade).any(|running| running.plan.stack == stack)
}

/// Runs all probes of a service once more.
async fn answers(engine: &dyn Engine, service: &RunningService, secrets: &Secrets) -> Vec<Answer> {
    let ReadyWhen::Answers(probes) = service.ready_when() else {
        return vec![still_runs(engine, &service.known.id).await];
    };
    let target = Target { engine, planned: &service.planned, known: &service.known, secrets };
    let mut answers = Vec::new();
    for probe in &probes {
        answers.push(probe::ask(probe, &target).await);
    }
    answers
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
