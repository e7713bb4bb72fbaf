//! Waits for one container until it is ready, it has exited, or its deadline has passed.

use std::time::Duration;

use tokio::time::Instant;

use super::failure::{Failure, ServiceFailure};
use super::login;
use super::start::Start;
use crate::engine::{EngineError, Exit, Inspection, State};
use crate::event::{Event, ServiceReady};
use crate::kind::Probe;
use crate::known::{Known, RunningService, UsedImage};
use crate::plan::{PlannedService, ReadyWhen, Restart};
use crate::poll::{Answer, Cadence, GaveUp, Wait};
use crate::probe::{self, Target, UnreachablePort};
use crate::stack::listing::addresses_of_owner;

/// How long a service without a probe must run to count as ready.
const RUNS_FOR: Duration = Duration::from_millis(500);

/// The first pause before a restart. Each pause is twice as long as the one before, up to the longest.
const RESTART_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_RESTART_PAUSE: Duration = Duration::from_secs(5);

/// Waits until a container that was started at `begin` is ready, then notifies the observer.
pub(super) async fn until_ready(
    start: &Start,
    planned: &PlannedService,
    image: &UsedImage,
    id: &str,
    begin: Instant,
) -> Result<RunningService, Failure> {
    let ready_when = planned.readiness.when(image.healthcheck.as_deref());
    let mut waiting =
        Waiting { start, planned, image, id, ready_when: &ready_when, begin, last_start: begin, restarts: 0 };
    let mut known = waiting.until_ready().await?;
    known.ready_after = waiting.last_start.elapsed();
    known.restarts = waiting.restarts;
    start.observer.notify(&Event::Ready(ServiceReady {
        service: planned.name.clone(),
        image: image.reference.clone(),
        after: known.ready_after,
        probe: start.plan.secrets.hide(&ready_when.to_string()),
        restarts: known.restarts,
    }));
    Ok(RunningService { planned: planned.clone(), known })
}

/// The wait for one container.
struct Waiting<'a> {
    start: &'a Start,
    planned: &'a PlannedService,
    image: &'a UsedImage,
    id: &'a str,
    ready_when: &'a ReadyWhen,
    begin: Instant,
    last_start: Instant,
    restarts: u32,
}

/// How one run of the container went.
enum Run {
    /// The container is ready. The caller adds the times.
    Ready(Box<Known>),
    Exited {
        exit: Exit,
        last: Option<String>,
    },
    GaveUp(GaveUp, Option<UnreachablePort>),
}

impl Waiting<'_> {
    async fn until_ready(&mut self) -> Result<Known, Failure> {
        let name = &self.planned.name;
        let deadline = self.begin + self.planned.timeout;
        let mut pause = RESTART_PAUSE;
        loop {
            let (exit, last) = match self.one_run(deadline).await {
                Ok(Run::Ready(known)) => return Ok(*known),
                Ok(Run::Exited { exit, last }) => (exit, last),
                Ok(Run::GaveUp(gave_up, unreachable)) => {
                    let failure = ServiceFailure::GaveUp {
                        gave_up,
                        unreachable,
                        after: self.begin.elapsed(),
                        restarts: self.restarts,
                        probe: self.ready_when.to_string(),
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
            self.start.observer.notify(&Event::Restarting {
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

    /// Whether the service's restart policy restarts it after this exit.
    fn restarts_after(&self, exit: &Exit) -> bool {
        match self.planned.restart {
            Restart::No => false,
            Restart::Always => true,
            Restart::OnFailure(most) => exit.code != 0 && most.is_none_or(|most| self.restarts < most),
        }
    }

    /// Waits until the container is ready, it has exited, or the deadline has passed.
    async fn one_run(&self, deadline: Instant) -> Result<Run, EngineError> {
        match self.ready_when {
            ReadyWhen::Answers(probes) => self.until_answered(probes, deadline).await,
            ReadyWhen::StaysUp => self.until_ended(Some(RUNS_FOR), deadline).await,
            ReadyWhen::Completes => self.until_ended(None, deadline).await,
        }
    }

    /// Waits until the container has exited or, if `runs_for` is given, has run for that long.
    async fn until_ended(&self, runs_for: Option<Duration>, deadline: Instant) -> Result<Run, EngineError> {
        let mut wait = Wait::until(deadline, Cadence::CHEAP);
        loop {
            let mut seen = None;
            let look = async {
                match self.start.engine.inspect(self.id).await {
                    Ok(found) if matches!(found.state, State::Exited(_)) => seen = Some(found),
                    Ok(found) if runs_for.is_some_and(|time| self.last_start.elapsed() >= time) => {
                        seen = Some(found);
                    }
                    Ok(_) if runs_for.is_some() => return Answer::NotYet("it has just started".to_owned()),
                    Ok(_) => return Answer::NotYet("it is still running".to_owned()),
                    Err(error) => return probe::of_engine(&error),
                }
                Answer::Ready
            };
            let end = wait.attempt(look).await;
            match (seen, end) {
                (Some(found), _) => return self.seen(found, deadline).await,
                (None, Some(Err(gave_up))) => return Ok(Run::GaveUp(gave_up, None)),
                (None, _) => {}
            }
        }
    }

    /// Judges a container that was waited for without a probe: completed, failed, or running.
    async fn seen(&self, found: Inspection, deadline: Instant) -> Result<Run, EngineError> {
        match &found.state {
            State::Exited(exit) if exit.code == 0 => {
                Ok(Run::Ready(Box::new(Known { completed: true, ..self.known(found) })))
            }
            State::Exited(exit) => Ok(self.ended(exit.clone())),
            _ => match self.known_running(found, deadline).await? {
                Ok(known) => Ok(Run::Ready(Box::new(known))),
                Err(gave_up) => self.exit_or(gave_up, None).await,
            },
        }
    }

    /// Asks each probe until it succeeds, and in the end all of them in a row: while one was waited for, the server that
    /// answered another may have been a temporary one.
    async fn until_answered(&self, probes: &[Probe], deadline: Instant) -> Result<Run, EngineError> {
        let found = self.start.engine.inspect(self.id).await?;
        if let State::Exited(exit) = found.state {
            return Ok(self.ended(exit));
        }
        let known = match self.known_running(found, deadline).await? {
            Ok(known) => known,
            Err(gave_up) => return self.exit_or(gave_up, None).await,
        };
        let target = Target {
            engine: self.start.engine.as_ref(),
            planned: self.planned,
            known: &known,
            secrets: &self.start.plan.secrets,
        };
        let mut in_a_row = 0;
        for probe in probes.iter().cycle() {
            let mut exited = None;
            let mut wait = Wait::until(deadline, probe::cadence(probe));
            let asked = loop {
                if let Some(end) = wait.attempt(self.ask(probe, &target, &mut exited)).await {
                    break end;
                }
            };
            if let Some(exit) = exited {
                return Ok(self.ended(exit));
            }
            if let Err(gave_up) = asked {
                return self.exit_or(gave_up, target.unreachable(probe).await).await;
            }
            in_a_row = if wait.failed_attempts() == 0 { in_a_row + 1 } else { 1 };
            if in_a_row == probes.len() {
                break;
            }
        }
        Ok(Run::Ready(Box::new(known)))
    }

    /// Probes once. If the answer is not "ready", checks whether the container has exited.
    async fn ask(&self, probe: &Probe, target: &Target<'_>, exited: &mut Option<Exit>) -> Answer {
        let answer = probe::ask(probe, target).await;
        let (Answer::NotYet(seen) | Answer::Never(seen)) = &answer else { return answer };
        let name = &self.planned.name;
        match self.start.engine.inspect(self.id).await {
            Ok(Inspection { state: State::Exited(exit), .. }) => {
                // This answer only shows that nothing runs any more; an earlier one may explain why.
                self.start.saw_first(name, seen);
                *exited = Some(exit);
                Answer::Never("it exited".to_owned())
            }
            Ok(_) => {
                self.start.saw(name, seen);
                answer
            }
            Err(error) => probe::of_engine(&error),
        }
    }

    /// After a wait that gave up: the container's exit if it has exited, since that explains more.
    async fn exit_or(
        &self,
        gave_up: GaveUp,
        unreachable: Option<UnreachablePort>,
    ) -> Result<Run, EngineError> {
        Ok(match self.start.engine.inspect(self.id).await?.state {
            State::Exited(exit) => self.ended(exit),
            _ => Run::GaveUp(gave_up, unreachable),
        })
    }

    fn ended(&self, exit: Exit) -> Run {
        Run::Exited { exit, last: self.start.last_seen(&self.planned.name) }
    }

    /// What is known of a running container. Gives up if its login cannot be read.
    async fn known_running(
        &self,
        found: Inspection,
        deadline: Instant,
    ) -> Result<Result<Known, GaveUp>, EngineError> {
        let engine = self.start.engine.as_ref();
        let mut known = self.known(found);
        if let Some(addresses) = addresses_of_owner(engine, self.planned).await? {
            known.addresses = addresses;
        }
        if let Some(login) = &self.planned.login {
            let read = tokio::time::timeout_at(deadline, login::resolve(engine, self.id, login)).await;
            let gave_up = |last, timed_out| Ok(Err(GaveUp { attempts: 1, last, timed_out }));
            known.login = match read {
                Ok(Ok(login)) => Some(login),
                Ok(Err(last)) => return gave_up(last, false),
                Err(_) => return gave_up("its login could not be read from the container".to_owned(), true),
            };
        }
        Ok(Ok(known))
    }

    fn known(&self, found: Inspection) -> Known {
        Known {
            id: self.id.to_owned(),
            image: self.image.clone(),
            addresses: found.addresses,
            mounts: found.mounts,
            ..Known::default()
        }
    }
}
