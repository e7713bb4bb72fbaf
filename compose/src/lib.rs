#![doc = include_str!("../README.md")]
//! # The stages
//!
//! A room is a folder of `src/`. Data goes through them in this order, named as in compose-go where it has a name for
//! them:
//!
//! ```text
//! discover      which files, which environment, what name
//! assemble      all files to one document; for each document of each file:
//!   parse         text to a tree of nodes with places             (yaml: text to events)
//!   variable      interpolation: `${NAME}` to its value
//!   schema::cast  text that a variable made to booleans, numbers
//!   extends       services of this or another file, brought in
//!   include       other projects, brought in by the same stages
//!   merge         over the documents before it
//!   schema::check against the table of keys
//!   canonical     short forms to long forms, defaults, absolute paths
//! normalize     what Compose understands by itself; profiles; consistency
//! print         the tree to the canonical JSON
//! view          the canonical JSON to typed values
//! ```
//!
//! Below them all are `text` (functions of texts), `tree` (nodes) and `reading` (what one read gathers: texts,
//! problems, warnings, secrets; it holds the limits). A room uses only rooms above it in the list of modules below,
//! and `tests/it/tidy.rs` sees to it.
//!
//! The crate knows no clock, network or process environment, and reads files through [`Files`] alone.

mod secret;
mod text;
mod yaml;
mod tree;
mod reading;
mod parse;
mod schema;
mod variable;
mod canonical;
mod assemble;
mod discover;
mod normalize;
mod print;
mod view;
#[cfg(fuzzing)]
pub mod fuzzing;

use assemble::Scope;
use reading::{Hidden, Reading, Stopped};

pub use discover::{Request, override_beside};
pub use reading::{Disk, Files, Place, Problem, Problems, Warning};
pub use secret::{HIDDEN, Secrets, is_secret_name};
pub use text::names::nearest;
pub use text::units::parse_duration;
pub use view::*;

/// Reads a project.
///
/// # Errors
/// Everything that is wrong with the files, each with its place. What a stage can't go on with ends the reading:
/// malformed YAML, a section that is no mapping, a base or an included file that can't be read.
pub fn read(request: &Request, files: &dyn Files) -> Result<Project, Problems> {
    let mut reading = Reading::new(files, request.working_dir.clone(), request.home.clone());
    read_stages(&mut reading, request)
        .map_err(|Stopped| Problems::from_list(reading.take_problems()).unwrap_or_else(Problems::unknown))
}

fn read_stages(reading: &mut Reading<'_>, request: &Request) -> Result<Project, Stopped> {
    let mut found = discover::discover(reading, request)?;
    let name = discover::project_name(reading, request, &mut found)?;
    found.variables.set("COMPOSE_PROJECT_NAME", &name, "the project's name");

    let scope = Scope { directory: &found.directory, variables: &found.variables, including: &[] };
    let mut tree = assemble::load(reading, &mut found.files, &scope)?;
    variable::files::resolve(&mut tree, &found.variables);
    normalize::normalize(&mut tree, &name, &found.variables);
    let inactive = normalize::profiles::apply(&mut tree, &found.profiles);
    reading.go_on(Hidden::AtPlaceOrPath)?;
    normalize::consistency::check(reading, &tree, &inactive);
    reading.go_on(Hidden::AtPlaceOrPath)?;
    variable::files::add_files_of_services(reading, &mut tree, &found.variables);
    normalize::profiles::drop_unused(&mut tree);
    normalize::add_name(&mut tree, &name);

    reading.go_on(Hidden::AtPlaceOrPath)?;
    let document = print::print_document(reading, &tree, &inactive);
    view::redact::gather(&mut reading.secrets, &tree, &document, &found.variables);
    reading.checked()?;
    Ok(view::project(reading, name, found, tree, document))
}
