//! `greenroom logs`: what the services have said.

use std::fmt::Write as _;

use greenroom::FoundStack;

use crate::arguments::{Format, Options};
use crate::failure::Failure;
use crate::{names, output};

pub(crate) async fn logs(
    options: &Options,
    services: &[String],
    stack: Option<&str>,
    tail: Option<usize>,
) -> Result<(), Failure> {
    options.format(&[Format::Text])?;
    let (stack, project) = match stack {
        // Another file's, perhaps; where it is this one's, its secrets are known.
        Some(name) => (by_name(name).await?, options.builder().read().ok()),
        None => {
            let project = options.builder().read()?;
            check_names(services, &project.services.keys().cloned().collect::<Vec<_>>())?;
            (of_this_file(options).await?, Some(project))
        }
    };
    let mut logs = stack.logs(tail).await?;
    check_names(services, &logs.keys().cloned().collect::<Vec<_>>())?;
    logs.retain(|name, _| services.is_empty() || services.contains(name));

    let widest = logs.keys().map(String::len).max().unwrap_or_default();
    let mut text = String::new();
    for (name, log) in &logs {
        for line in log.lines() {
            // Writing to a string does not fail.
            let _ = writeln!(text, "{name:widest$} | {line}");
        }
    }
    output::print(&project.map_or(text.clone(), |project| project.secrets.hide(&text)))
}

async fn by_name(name: &str) -> Result<FoundStack, Failure> {
    let stacks = greenroom::stacks().await?;
    let there_are: Vec<_> = stacks.iter().map(|stack| stack.name.clone()).collect();
    stacks
        .into_iter()
        .find(|stack| stack.name == name)
        .ok_or_else(|| names::unknown("stack", name, &there_are))
}

async fn of_this_file(options: &Options) -> Result<FoundStack, Failure> {
    options.builder().found().await?.into_iter().next().ok_or_else(|| {
        Failure::Failed(
            "no stack of this file is up\n\nhint: `greenroom up` brings one up; `greenroom ps --all` shows all"
                .to_owned(),
        )
    })
}

fn check_names(services: &[String], there_are: &[String]) -> Result<(), Failure> {
    match services.iter().find(|name| !there_are.contains(name)) {
        Some(name) => Err(names::unknown("service", name, there_are)),
        None => Ok(()),
    }
}
