//! `greenroom config`: the project as Compose would print it.

use greenroom::compose::{self, Disk, Problems, Request, Values};

/// How the document is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// As `docker compose config --format json`.
    Json,
    /// As `docker compose config`.
    Yaml,
}

/// What the command prints: the document for standard output, the warnings for standard error.
pub(crate) struct Output {
    pub(crate) document: String,
    pub(crate) warnings: Vec<String>,
}

/// Reads the project and renders its canonical document.
pub(crate) fn config(request: &Request, format: Format, values: Values) -> Result<Output, Problems> {
    let project = compose::read(request, &Disk)?;
    let document = match format {
        Format::Json => project.to_json(values),
        Format::Yaml => project.to_yaml(values),
    };
    Ok(Output { document, warnings: project.warnings.iter().map(ToString::to_string).collect() })
}
