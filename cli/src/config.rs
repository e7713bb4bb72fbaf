//! `greenroom config`: prints the project as Compose would.

use greenroom::compose::Values;

use crate::arguments::{Format, Options};
use crate::failure::Failure;
use crate::output;

pub(crate) fn config(options: &Options, redact: bool) -> Result<(), Failure> {
    let format = options.format(&[Format::Yaml, Format::Json])?;
    let project = options.builder().read()?;
    for warning in &project.warnings {
        output::tell(&format!("warning: {warning}"));
    }
    let values = if redact { Values::Redacted } else { Values::Shown };
    output::print(&match format {
        Format::Json => project.to_json(values),
        Format::Yaml | Format::Text => project.to_yaml(values),
    })
}
