//! `greenroom up`: brings this file's stack up and leaves it running until `greenroom down`.

use std::time::Duration;

use greenroom::report::Silent;
use greenroom::{Stack, StackBuilder};

use crate::arguments::{Format, Options};
use crate::failure::Failure;
use crate::progress::Progress;
use crate::signals::Signals;
use crate::start::start;
use crate::{others, output};

pub(crate) async fn up(options: &Options, build: bool, idle: Option<Duration>) -> Result<(), Failure> {
    let format = options.format(&[Format::Text, Format::Json])?;
    let signals = Signals::listen()?;
    let progress = Progress::default();
    let mut builder = options.builder();
    if let Some(idle) = idle {
        builder = builder.idle(idle);
    }
    if build {
        builder = builder.build();
    }
    let stack = up_and_still_there(&builder, &progress, &signals).await?;
    let others = others::of_this_file(options).await?;
    if !others.is_empty() {
        output::tell(&others::described(&others, "down"));
    }
    for other in options.builder().found().await?.iter().filter(|other| other.name != stack.name()) {
        output::tell(&format!(
            "warning: stack {} is also up, from another version of this file or with other options; \
             `greenroom down --stack {}` removes it",
            other.name, other.name
        ));
    }
    let report = stack.report();
    match format {
        Format::Json => output::print_json(&report.to_json())?,
        Format::Text | Format::Yaml => output::print(&format!("{report}\n"))?,
    }
    output::tell(&match idle {
        Some(idle) => {
            format!("the stack stays up until `greenroom down`, or until it has been unused for {idle:?}")
        }
        None => "the stack stays up until `greenroom down`".to_owned(),
    });
    Ok(())
}

/// Brings the stack up, and again if another process takes it down meanwhile.
async fn up_and_still_there(
    builder: &StackBuilder,
    progress: &Progress,
    signals: &Signals,
) -> Result<Stack, Failure> {
    loop {
        let stack = start(builder.clone(), StackBuilder::attach_or_up, progress, signals).await?;
        let checked = if progress.stack().as_deref() == Some(stack.name()) {
            Ok(())
        } else {
            // A start prints the warnings with its plan. For a stack that was already up, nobody has printed them yet.
            for warning in &stack.plan().warnings {
                output::tell(&format!("warning: {warning}"));
            }
            check(&stack).await
        };
        // Waits for a process that is taking it down.
        let found = signals.until(builder.clone().attach(), "the stack stays as it is").await?;
        if found.is_some_and(|found| found.name() == stack.name()) {
            return checked.map(|()| stack);
        }
        output::tell(&format!("stack {} was taken down meanwhile", stack.name()));
    }
}

/// Checks that every service answers. Attaching to a stack only checks that its containers run.
async fn check(stack: &Stack) -> Result<(), Failure> {
    match stack.check().await?.first() {
        None => {
            output::tell("every service answers");
            Ok(())
        }
        Some(Silent { service, seen, .. }) => Err(Failure::Failed(format!(
            "service `{service}` of stack `{}` no longer answers: {seen}\n\n\
             hint: see `greenroom logs` for the reason; `greenroom down`, then `greenroom up` starts a new stack",
            stack.name()
        ))),
    }
}
