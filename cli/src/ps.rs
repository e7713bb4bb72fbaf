//! `greenroom ps`: what runs.

use serde_json::json;

use crate::arguments::{Format, Options};
use crate::failure::Failure;
use crate::output;

pub(crate) async fn ps(options: &Options, all: bool) -> Result<(), Failure> {
    let format = options.format(&[Format::Text, Format::Json])?;
    let project = if all { None } else { Some(options.builder().read()?) };
    let mut stacks = greenroom::stacks().await?;
    if let Some(project) = &project {
        stacks.retain(|stack| stack.project == project.name && stack.directory == project.directory);
    }
    let mut reports = Vec::new();
    for stack in &stacks {
        reports.push(stack.report().await?);
    }
    if reports.is_empty() {
        output::tell(if all {
            "no stack is up"
        } else {
            "no stack of this file is up; `greenroom ps --all` shows all"
        });
    }
    match format {
        Format::Json => {
            let stacks: Vec<_> = reports.iter().map(|report| report.to_json()).collect();
            output::print_json(&json!({"stacks": stacks}))
        }
        Format::Text | Format::Yaml => {
            output::print(&reports.iter().map(|report| format!("{report}\n")).collect::<String>())
        }
    }
}
