//! `greenroom prune`: removes leftover stacks.

use greenroom::stack::Leftover;
use serde_json::json;

use crate::arguments::{Format, Options};
use crate::failure::Failure;
use crate::output;
use crate::signals::Signals;

pub(crate) async fn prune(options: &Options, dry_run: bool) -> Result<(), Failure> {
    let format = options.format(&[Format::Text, Format::Json])?;
    let leftovers = greenroom::stack::leftovers().await?;
    let names: Vec<_> = leftovers.iter().map(|leftover| leftover.stack.clone()).collect();
    if leftovers.is_empty() {
        output::tell("no leftover stacks");
    }
    if dry_run {
        for leftover in &leftovers {
            output::tell(&format!("would remove {}", described(leftover)));
        }
    } else {
        remove_all(leftovers).await?;
    }
    match format {
        Format::Json => {
            output::print_json(&json!({(if dry_run { "would_remove" } else { "removed" }): names}))
        }
        Format::Text | Format::Yaml => Ok(()),
    }
}

/// Removes the stacks one by one. A failed removal does not stop the others.
async fn remove_all(leftovers: Vec<Leftover>) -> Result<(), Failure> {
    let signals = Signals::listen()?;
    let errors = signals.finish(async {
        let mut errors = Vec::new();
        for leftover in leftovers {
            let described = described(&leftover);
            match leftover.remove().await {
                Ok(()) => output::tell(&format!("removed {described}")),
                Err(error) => errors.push(format!("{error:?}")),
            }
        }
        Ok(errors)
    });
    let errors = errors.await?;
    if errors.is_empty() { Ok(()) } else { Err(Failure::Failed(errors.join("\n\n"))) }
}

fn described(leftover: &Leftover) -> String {
    let lifetime = leftover.lifetime.map(|lifetime| format!("{lifetime}, ")).unwrap_or_default();
    format!("stack {} ({lifetime}from {})", leftover.stack, leftover.directory.display())
}
