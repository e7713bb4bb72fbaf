//! `greenroom plan`: shows what `up` would do.

use crate::arguments::{Format, Options};
use crate::failure::Failure;
use crate::output;

pub(crate) fn plan(options: &Options) -> Result<(), Failure> {
    options.format(&[Format::Text])?;
    let plan = options.builder().plan()?;
    for warning in &plan.warnings {
        output::tell(&format!("warning: {warning}"));
    }
    output::print(&plan.to_string())
}
