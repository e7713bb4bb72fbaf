//! `greenroom up`: this file's stack, until `greenroom down`.

use greenroom::StackBuilder;

use crate::arguments::{Format, Options};
use crate::failure::Failure;
use crate::output;
use crate::progress::Progress;
use crate::signals::Signals;
use crate::start::start;

pub(crate) async fn up(options: &Options) -> Result<(), Failure> {
    let format = options.format(&[Format::Text, Format::Json])?;
    let signals = Signals::listen()?;
    let progress = Progress::default();
    let stack = start(options.builder(), StackBuilder::attach_or_up, &progress, &signals).await?;
    // A start tells its plan first, and with it the warnings; a stack that was found has told neither.
    if progress.stack().is_none() {
        for warning in &stack.plan().warnings {
            output::tell(&format!("warning: {warning}"));
        }
        output::tell(&format!("stack {} is up already, and every service answers", stack.name()));
    }
    let report = stack.report();
    match format {
        Format::Json => output::print_json(&report.to_json())?,
        Format::Text | Format::Yaml => output::print(&format!("{report}\n"))?,
    }
    output::tell("it stays up until `greenroom down`");
    Ok(())
}
