//! `greenroom down`: takes stacks down, whichever process brought them up.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use greenroom::Event;
use greenroom::stack::FoundStack;
use serde_json::json;
use tokio::task::JoinSet;

use crate::arguments::{Format, Options};
use crate::failure::Failure;
use crate::progress::{seconds, text};
use crate::signals::Signals;
use crate::{names, others, output};

pub(crate) async fn down(options: &Options, names: &[String], all: bool) -> Result<(), Failure> {
    let format = options.format(&[Format::Text, Format::Json])?;
    let stacks = output::patiently(meant(options, names, all)).await?;
    if stacks.is_empty() {
        output::tell(if all {
            "no stack is up"
        } else {
            "no stack of this file is up; `greenroom ps` lists all"
        });
    }
    if stacks.is_empty() && !all {
        let others = others::of_this_file(options).await?;
        if !others.is_empty() {
            output::tell(&others::described(&others, "down"));
        }
    }
    let removed = remove_all(stacks).await?;
    match format {
        Format::Json => output::print_json(&json!({"removed": removed})),
        Format::Text | Format::Yaml => Ok(()),
    }
}

/// The stacks to take down.
async fn meant(options: &Options, names: &[String], all: bool) -> Result<Vec<FoundStack>, Failure> {
    match names {
        _ if all => Ok(greenroom::stack::stacks().await?),
        [] => Ok(options.builder().found().await?),
        names => by_name(names).await,
    }
}

/// The stacks with these names. Fails if one of them does not exist.
async fn by_name(names: &[String]) -> Result<Vec<FoundStack>, Failure> {
    let stacks = greenroom::stack::stacks().await?;
    let there_are: Vec<_> = stacks.iter().map(|stack| stack.name.clone()).collect();
    match names.iter().find(|name| !there_are.contains(name)) {
        Some(name) => Err(names::unknown("stack", name, &there_are)),
        None => Ok(stacks.into_iter().filter(|stack| names.contains(&stack.name)).collect()),
    }
}

/// Takes the stacks down concurrently. A failed removal does not stop the others. A signal ends the wait for a process
/// that is starting a stack, but not a removal that has begun.
async fn remove_all(stacks: Vec<FoundStack>) -> Result<Vec<String>, Failure> {
    let signals = Signals::listen()?;
    let mut removals = JoinSet::new();
    let has_begun = Arc::new(AtomicBool::new(false));
    for stack in stacks {
        let has_begun = has_begun.clone();
        removals.spawn(async move {
            let (name, begin) = (stack.name.clone(), Instant::now());
            let told = move |event: &Event| match event {
                Event::HookFailed { .. } | Event::Waiting { .. } => output::tell(&text(event)),
                Event::Removing { .. } => has_begun.store(true, Ordering::Relaxed),
                _ => {}
            };
            stack.down_observed(told).await.map(|()| (name, begin.elapsed()))
        });
    }
    let has_begun = || has_begun.load(Ordering::Relaxed);
    let removed = signals.finish_if(has_begun, async {
        let (mut removed, mut errors) = (Vec::new(), Vec::new());
        for done in removals.join_all().await {
            match done {
                Ok((name, after)) => {
                    output::tell(&format!("removed stack {name} in {}", seconds(after)));
                    removed.push(name);
                }
                Err(error) => errors.push(format!("{error:?}")),
            }
        }
        Ok((removed, errors))
    });
    let (mut removed, errors) = removed.await?;
    removed.sort();
    if errors.is_empty() { Ok(removed) } else { Err(Failure::Failed(errors.join("\n\n"))) }
}
