//! `greenroom down`: takes stacks down, whichever process brought them up.

use std::time::Instant;

use greenroom::Event;
use greenroom::stack::FoundStack;
use serde_json::json;
use tokio::task::JoinSet;

use crate::arguments::{Format, Options};
use crate::failure::Failure;
use crate::progress::{seconds, text};
use crate::signals::Signals;
use crate::{names, output};

pub(crate) async fn down(options: &Options, names: &[String], all: bool) -> Result<(), Failure> {
    let format = options.format(&[Format::Text, Format::Json])?;
    let stacks = match names {
        _ if all => greenroom::stack::stacks().await?,
        [] => options.builder().found().await?,
        names => by_name(names).await?,
    };
    if stacks.is_empty() {
        output::tell(if all {
            "no stack is up"
        } else {
            "no stack of this file is up; `greenroom ps` lists all"
        });
    }
    let removed = remove_all(stacks).await?;
    match format {
        Format::Json => output::print_json(&json!({"removed": removed})),
        Format::Text | Format::Yaml => Ok(()),
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

/// Takes the stacks down concurrently. A failed removal does not stop the others.
async fn remove_all(stacks: Vec<FoundStack>) -> Result<Vec<String>, Failure> {
    let signals = Signals::listen()?;
    let mut removals = JoinSet::new();
    for stack in stacks {
        removals.spawn(async move {
            let (name, begin) = (stack.name.clone(), Instant::now());
            let told = |event: &Event| {
                if let Event::HookFailed { .. } = event {
                    output::tell(&text(event));
                }
            };
            stack.down_observed(told).await.map(|()| (name, begin.elapsed()))
        });
    }
    let removed = signals.finish(async {
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
