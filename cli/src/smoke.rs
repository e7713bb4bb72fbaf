//! `greenroom smoke`: brings a stack up, checks every service once more, prints a report and takes the stack down.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use greenroom::report::{ServiceStatus, Silent};
use greenroom::{Report, StackBuilder};
use serde_json::{Value, json};

use crate::arguments::{Format, Options};
use crate::failure::Failure;
use crate::output;
use crate::progress::{Progress, seconds};
use crate::signals::Signals;
use crate::start::{REMOVING, start, tell_whether_it_is_gone};

pub(crate) async fn smoke(options: &Options, build: bool) -> Result<(), Failure> {
    let format = options.format(&[Format::Text, Format::Json])?;
    let signals = Signals::listen()?;
    let begin = Instant::now();
    let builder = if build { options.builder().build() } else { options.builder() };
    let stack = start(builder, StackBuilder::up, &Progress::default(), &signals).await?;
    let report = stack.report();
    let silent = match signals.until(stack.check(), REMOVING).await {
        Ok(silent) => silent,
        Err(interrupted) => {
            drop(stack);
            tell_whether_it_is_gone(&report.stack).await;
            return Err(interrupted);
        }
    };

    let begin_down = Instant::now();
    let removed = if silent.is_empty() {
        signals.finish(stack.down()).await
    } else {
        // A stack that is dropped without `down` saves its logs first.
        drop(stack);
        tell_whether_it_is_gone(&report.stack).await;
        Ok(())
    };
    let down = begin_down.elapsed();
    let done =
        removed.and_then(|()| if silent.is_empty() { Ok(()) } else { Err(stopped_answering(&silent)) });
    match format {
        Format::Json => {
            let mut json = to_json(&report, &silent, down, begin.elapsed());
            if let Err(failure) = &done {
                json["error"] = json!(failure.to_json());
            }
            output::print_json(&json)?;
            done.map_err(|failure| Failure::InResult(Box::new(failure)))
        }
        Format::Text | Format::Yaml => {
            output::print(&to_text(&report, &silent, down, begin.elapsed()))?;
            done
        }
    }
}

fn stopped_answering(silent: &[Silent]) -> Failure {
    let each = silent.iter().map(|Silent { service, seen, .. }| {
        format!("service `{service}` became ready but then stopped answering: {seen}")
    });
    Failure::Failed(each.collect::<Vec<_>>().join("\n"))
}

/// The report's JSON object, with the result of checking each service once more under `checks` (`null`: it answered).
fn to_json(report: &Report, silent: &[Silent], down: Duration, all: Duration) -> Value {
    let mut json = report.to_json();
    let checks = asked(report).map(|name| {
        let seen = silent.iter().find(|silent| silent.service == name).map(|silent| &silent.seen);
        (name.to_owned(), json!(seen))
    });
    json["checks"] = checks.collect::<serde_json::Map<_, _>>().into();
    json["down_ms"] = json!(millis(down));
    json["smoke_ms"] = json!(millis(all));
    json
}

/// One line per service, then the total.
fn to_text(report: &Report, silent: &[Silent], down: Duration, all: Duration) -> String {
    let widest = report.services.keys().map(String::len).max().unwrap_or_default();
    let mut text = String::new();
    for (name, service) in &report.services {
        let state = match silent.iter().any(|silent| silent.service == *name) {
            true => "silent".to_owned(),
            false => service.status.to_string(),
        };
        let stands_in = match &service.stands_in_for {
            Some(wanted) => format!(" (stands in for {wanted})"),
            None if service.rebuilt => " (rebuilt: its build context had changed)".to_owned(),
            None => String::new(),
        };
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "{name:widest$}  {state:9}  {:>7}  {}{stands_in}  {}",
            seconds(service.ready_after),
            service.image,
            service.probe
        );
    }
    let _ = writeln!(
        text,
        "{} after {}, down after {} more, {} in all",
        if silent.is_empty() { "ready" } else { "up" },
        seconds(report.total),
        seconds(down),
        seconds(all)
    );
    text
}

/// The services that are checked: all but the completed ones.
fn asked(report: &Report) -> impl Iterator<Item = &str> {
    report
        .services
        .iter()
        .filter(|(_, service)| service.status != ServiceStatus::Completed)
        .map(|(name, _)| name.as_str())
}

fn millis(duration: Duration) -> u64 {
    duration.as_millis().try_into().unwrap_or(u64::MAX)
}
