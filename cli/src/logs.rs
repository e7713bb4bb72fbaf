//! `greenroom logs`: shows the logs of a stack's services.

use std::fmt::Write as _;
use std::path::Path;

use greenroom::StackBuilder;
use greenroom::compose::Project;
use greenroom::stack::FoundStack;

use crate::arguments::{Format, Options};
use crate::failure::Failure;
use crate::{names, others, output};

pub(crate) async fn logs(
    options: &Options,
    services: &[String],
    stack: Option<&str>,
    tail: Option<usize>,
) -> Result<(), Failure> {
    options.format(&[Format::Text])?;
    if let Some(file) = options.missing_file() {
        return Err(no_such_file(file));
    }
    let (stack, project) = match stack {
        Some(name) => {
            let stack = by_name(name).await?;
            let project = project_of(&stack, options);
            (stack, project)
        }
        None => {
            let project = options.builder().read()?;
            check_names(services, &project.services.keys().cloned().collect::<Vec<_>>())?;
            (of_this_file(options).await?, Some(project))
        }
    };
    let mut logs = stack.logs(tail).await?;
    check_names(services, &logs.keys().cloned().collect::<Vec<_>>())?;
    // `web` means all replicas of the service, `web#2` the second one.
    let is_meant = |name: &str, wanted: &String| name == wanted || name.split('#').next() == Some(wanted);
    logs.retain(|name, _| services.is_empty() || services.iter().any(|wanted| is_meant(name, wanted)));

    let widest = logs.keys().map(String::len).max().unwrap_or_default();
    let mut text = String::new();
    for (name, log) in &logs {
        for line in log.lines() {
            // Writing to a string does not fail.
            let _ = writeln!(text, "{name:widest$} | {line}");
        }
    }
    match project {
        Some(project) => output::print(&project.secrets.hide(&text)),
        None => {
            output::tell(&format!(
                "warning: secrets are not hidden: the compose file of stack {} was not found",
                stack.name
            ));
            output::print(&text)
        }
    }
}

/// The project that a stack was brought up from, if its compose file can be found. Its secrets are hidden in the logs.
fn project_of(stack: &FoundStack, options: &Options) -> Option<Project> {
    let is_its = |project: &Project| project.name == stack.project && project.directory == stack.directory;
    let in_its_folder = StackBuilder::new().working_directory(&stack.directory);
    [options.builder(), in_its_folder].iter().filter_map(|builder| builder.read().ok()).find(is_its)
}

/// The error for `logs -f web`, which follows a log in other programs.
fn no_such_file(file: &Path) -> Failure {
    let name = file.display();
    Failure::Usage(format!(
        "there is no compose file {name}\n\nhint: `-f` is short for `--file` in every command; `greenroom logs {name}` \
         shows the log of the service `{name}` as it is now, and `docker logs -f CONTAINER` follows one"
    ))
}

async fn by_name(name: &str) -> Result<FoundStack, Failure> {
    let stacks = greenroom::stack::stacks().await?;
    let there_are: Vec<_> = stacks.iter().map(|stack| stack.name.clone()).collect();
    stacks
        .into_iter()
        .find(|stack| stack.name == name)
        .ok_or_else(|| names::unknown("stack", name, &there_are))
}

async fn of_this_file(options: &Options) -> Result<FoundStack, Failure> {
    if let Some(stack) = options.builder().found().await?.into_iter().next() {
        return Ok(stack);
    }
    let others = others::of_this_file(options).await?;
    let hint = match others.as_slice() {
        [] => "`greenroom up` starts one; `greenroom ps` lists all".to_owned(),
        others => others::described(others, "logs"),
    };
    Err(Failure::Failed(format!("no stack of this file is up\n\nhint: {hint}")))
}

fn check_names(services: &[String], there_are: &[String]) -> Result<(), Failure> {
    match services.iter().find(|name| !there_are.contains(name)) {
        Some(name) => Err(names::unknown("service", name, there_are)),
        None => Ok(()),
    }
}
