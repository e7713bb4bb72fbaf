//! `greenroom ps`: lists the stacks and the processes that hold them.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use greenroom::Report;
use greenroom::stack::{FoundStack, Holder};
use serde_json::{Value, json};

use crate::arguments::{Format, Options};
use crate::failure::Failure;
use crate::output;

pub(crate) async fn ps(options: &Options, all: bool) -> Result<(), Failure> {
    let format = options.format(&[Format::Text, Format::Json])?;
    let wanted = if all { Wanted::default() } else { Wanted::of(options)? };
    let mut stacks = greenroom::stack::stacks().await?;
    stacks.retain(|stack| all || stack.is_of_this_user());
    let mine = stacks.len();
    stacks.retain(|stack| wanted.is(stack));
    if stacks.is_empty() {
        output::tell(&wanted.none(mine));
    }
    let mut lines = Vec::new();
    for stack in stacks {
        let report = stack.report().await?;
        lines.push(Line { holders: stack.holders(), stack, report });
    }
    match format {
        Format::Json => {
            let stacks: Vec<_> = lines.iter().map(Line::to_json).collect();
            output::print_json(&json!({"stacks": stacks}))
        }
        Format::Text | Format::Yaml => output::print(&lines.iter().map(Line::to_text).collect::<String>()),
    }
}

/// Which stacks the options ask for.
#[derive(Default)]
struct Wanted {
    project: Option<String>,
    directory: Option<PathBuf>,
}

impl Wanted {
    /// A project's name needs no compose file: its stacks may come from any folder. A file means its folder, because its
    /// stacks may have been started with another project's name.
    fn of(options: &Options) -> Result<Wanted, Failure> {
        let directory = match options.names_a_folder() {
            true => Some(options.builder().read()?.directory),
            false => None,
        };
        Ok(Wanted { project: options.project_name().map(str::to_owned), directory })
    }

    fn is(&self, stack: &FoundStack) -> bool {
        self.project.as_ref().is_none_or(|project| stack.project == *project)
            && self.directory.as_ref().is_none_or(|directory| stack.directory == *directory)
    }

    /// The message for no stacks among `all` that are up.
    fn none(&self, all: usize) -> String {
        let project = self.project.iter().map(|project| format!(" of project {project}"));
        let directory = self.directory.iter().map(|directory| format!(" in {}", directory.display()));
        let which: String = project.chain(directory).collect();
        match all {
            0 => format!("no stack{which} is up"),
            _ => format!("no stack{which} is up; `greenroom ps` lists the others"),
        }
    }
}

struct Line {
    stack: FoundStack,
    holders: Vec<Holder>,
    report: Report,
}

impl Line {
    fn to_text(&self) -> String {
        let FoundStack { directory, since, .. } = &self.stack;
        let age = SystemTime::now().duration_since(*since).unwrap_or_default();
        let lifetime = self.lifetime();
        let report = self.report.to_string();
        let (head, services) = report.split_once('\n').unwrap_or((&report, ""));
        let mut text = format!("{head}\n  {lifetime}, {} old, in {}\n", in_words(age), directory.display());
        for holder in &self.holders {
            // Writing to a string does not fail.
            let _ = writeln!(text, "  held by {} ({})", holder.pid, holder.command);
        }
        if !services.is_empty() {
            let _ = writeln!(text, "{services}");
        }
        text
    }

    fn to_json(&self) -> Value {
        let mut json = self.report.to_json();
        let holders: Vec<_> =
            self.holders.iter().map(|holder| json!({"pid": holder.pid, "command": holder.command})).collect();
        json["directory"] = json!(self.stack.directory);
        json["lifetime"] = json!(self.lifetime());
        json["since"] = json!(
            self.stack.since.duration_since(UNIX_EPOCH).map(|since| since.as_secs()).unwrap_or_default()
        );
        json["holders"] = json!(holders);
        json
    }

    fn lifetime(&self) -> String {
        self.stack.lifetime.map_or_else(|| "unknown lifetime".to_owned(), |lifetime| lifetime.to_string())
    }
}

/// Formats a duration in its largest unit.
pub(crate) fn in_words(age: Duration) -> String {
    let seconds = age.as_secs();
    [(86_400, "d"), (3_600, "h"), (60, "m")]
        .into_iter()
        .find(|(unit, _)| seconds >= *unit)
        .map_or_else(|| format!("{seconds}s"), |(unit, name)| format!("{}{name}", seconds / unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn that_there_is_no_stack_is_told_only_of_what_was_asked_for() {
        let shop = Wanted { project: Some("shop".to_owned()), directory: Some("/src".into()) };
        expect_test::expect![[r#"
            no stack is up
            no stack of project shop in /src is up
            no stack of project shop in /src is up; `greenroom ps` lists the others"#]]
        .assert_eq(&[Wanted::default().none(0), shop.none(0), shop.none(2)].join("\n"));
    }

    #[test]
    fn an_age_is_told_in_its_largest_unit() {
        let ages = [0, 59, 60, 7_199, 86_400 * 3].map(|seconds| in_words(Duration::from_secs(seconds)));
        assert_eq!(ages, ["0s", "59s", "1m", "1h", "3d"]);
    }
}
