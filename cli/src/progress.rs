//! Prints the events of a stack on standard error.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use greenroom::Event;

use crate::output;

/// How often an image's progress is printed for each service, where lines cannot be overwritten.
const PACE: Duration = Duration::from_secs(5);

/// How many lines of an image's progress are printed before [`PACE`] applies: the first ones say what is done and why.
const FIRST_LINES: u32 = 3;

/// Prints the events of one stack.
#[derive(Clone, Default)]
pub(crate) struct Progress {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    /// The stack's name, once the stack is planned. From then on there may be something to remove.
    stack: Option<String>,
    paces: BTreeMap<String, Pace>,
}

impl Progress {
    pub(crate) fn tell(&self, event: &Event) {
        let mut inner = self.inner.lock().expect("nothing panics while it holds this lock");
        if let Event::Planned(plan) = event {
            inner.stack = Some(plan.stack.clone());
        }
        match event {
            Event::ImageProgress { .. } | Event::Started { .. } if output::can_take_back() => {
                output::tell_passing(&text(event));
            }
            Event::Started { .. } | Event::Removing { .. } => {}
            Event::ImageProgress { service, .. } => {
                if inner.paces.entry(service.clone()).or_default().allows(Instant::now()) {
                    output::tell(&text(event));
                }
            }
            _ => output::tell(&text(event)),
        }
    }

    pub(crate) fn stack(&self) -> Option<String> {
        self.inner.lock().expect("nothing panics while it holds this lock").stack.clone()
    }
}

pub(crate) fn text(event: &Event) -> String {
    match event {
        Event::Planned(plan) => {
            let warnings: String =
                plan.warnings.iter().map(|warning| format!("warning: {warning}\n")).collect();
            let names: Vec<_> = plan.names().collect();
            format!("{warnings}starting stack {}: {}", plan.stack, names.join(", "))
        }
        Event::Attached { stack } => format!("stack {stack} is already up"),
        Event::Replaced { stack, reason } => {
            format!("warning: stack {stack} is unusable; a new one replaces it: {reason}")
        }
        // Control characters in a builder's output could move the cursor.
        Event::ImageProgress { service, line } => {
            format!("  {service}: {}", line.replace(|character: char| character.is_control(), " "))
        }
        Event::FallbackImage { service, wanted, used, reason } => format!(
            "warning: service `{service}` runs a FALLBACK IMAGE\n  wanted: {wanted}\n  runs: {used}\n  reason: {}",
            reason.trim_end().replace('\n', "\n    ")
        ),
        Event::Waiting { what } => format!("waiting for {what}"),
        Event::Warned(warning) => format!("warning: {warning}"),
        Event::Started { service } => format!("  {service}: started, waiting until it answers"),
        Event::Restarting { service, exit, pause } => {
            format!("  {service}: {exit}; starting it again in {}", seconds(*pause))
        }
        Event::HookFailed { service, hook, message, output } => {
            let output: String = output.lines().map(|line| format!("\n  {line}")).collect();
            format!("warning: {hook} of service `{service}` {message}{output}")
        }
        Event::Ready(ready) => {
            let restarts = match ready.restarts {
                0 => String::new(),
                1 => ", restarted once".to_owned(),
                times => format!(", restarted {times} times"),
            };
            format!(
                "  {}: ready after {}{restarts}; image: {}; probe: {}",
                ready.service,
                seconds(ready.after),
                ready.image,
                ready.probe
            )
        }
        Event::EvidenceSaved { directory } => format!("logs and states saved: {}", directory.display()),
        Event::Removing { stack } => format!("removing stack {stack}"),
        Event::Removed { stack, after } => format!("removed stack {stack} in {}", seconds(*after)),
        // An event of a later version of the library, which this command does not know yet.
        _ => format!("{event:?}"),
    }
}

/// Formats a duration in seconds, with two decimals.
pub(crate) fn seconds(duration: Duration) -> String {
    format!("{:.2}s", duration.as_secs_f64())
}

/// Limits how often lines are printed.
#[derive(Default)]
struct Pace {
    told: u32,
    last: Option<Instant>,
}

impl Pace {
    fn allows(&mut self, now: Instant) -> bool {
        let due = self.last.is_none_or(|last| now.duration_since(last) >= PACE);
        let allowed = due || self.told < FIRST_LINES;
        if allowed {
            self.told += 1;
            self.last = Some(now);
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_lines_becomes_a_few() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        // A line every tenth of a second, for a minute.
        let told = (0..600).filter(|tenth| pace.allows(start + Duration::from_millis(tenth * 100))).count();
        assert_eq!(told, 3 + 11);
    }

    #[test]
    fn a_fallback_image_is_told_aloud() {
        let event = Event::FallbackImage {
            service: "db".to_owned(),
            wanted: "postgres:17".to_owned(),
            used: "greenroom-fallback/db:1".to_owned(),
            reason: "no registry answers\n".to_owned(),
        };
        expect_test::expect![[r"
            warning: service `db` runs a FALLBACK IMAGE
              wanted: postgres:17
              runs: greenroom-fallback/db:1
              reason: no registry answers"]]
        .assert_eq(&text(&event));
    }

    #[test]
    fn what_a_builder_prints_does_not_move_the_cursor() {
        let line = "50%\r\u{1b}[2K60%".to_owned();
        let event = Event::ImageProgress { service: "db".to_owned(), line };
        assert_eq!(text(&event), "  db: 50%  [2K60%");
    }
}
