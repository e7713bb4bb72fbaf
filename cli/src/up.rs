//! `greenroom up`: this file's stack, until `greenroom down`.

use greenroom::Lifetime;

use crate::arguments::{Format, Options};
use crate::failure::Failure;
use crate::output;
use crate::progress::Progress;
use crate::signals::Signals;
use crate::start::start;

pub(crate) async fn up(options: &Options) -> Result<(), Failure> {
    let format = options.format(&[Format::Text, Format::Json])?;
    let builder = options.builder();
    let signals = Signals::listen()?;
    let stack = match signals.until(builder.clone().attach(), "nothing was started").await? {
        Some(stack) => {
            for warning in &stack.plan().warnings {
                output::tell(&format!("warning: {warning}"));
            }
            output::tell(&format!("stack {} is up already, and every service answers", stack.name()));
            stack
        }
        None => start(builder.lifetime(Lifetime::Keep), &Progress::default(), &signals).await?,
    };
    let report = stack.report();
    match format {
        Format::Json => output::print_json(&report.to_json())?,
        Format::Text | Format::Yaml => output::print(&format!("{report}\n"))?,
    }
    output::tell("it stays up until `greenroom down`");
    Ok(())
}
