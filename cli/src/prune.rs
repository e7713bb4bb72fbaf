//! `greenroom prune`: removes leftover stacks.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use greenroom::Lifetime;
use greenroom::stack::{Elsewhere, Leftover};
use serde_json::{Value, json};

use crate::arguments::{Format, Options};
use crate::failure::Failure;
use crate::output;
use crate::ps::in_words;
use crate::signals::Signals;

pub(crate) async fn prune(options: &Options, dry_run: bool) -> Result<(), Failure> {
    let format = options.format(&[Format::Text, Format::Json])?;
    let leftovers = output::patiently(greenroom::stack::leftovers()).await?;
    let elsewhere = output::patiently(greenroom::stack::elsewhere()).await?;
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
    for stack in &elsewhere {
        output::tell(&left(stack));
    }
    match format {
        Format::Json => output::print_json(&json!({
            (if dry_run { "would_remove" } else { "removed" }): names,
            "elsewhere": elsewhere.iter().map(elsewhere_json).collect::<Vec<_>>(),
        })),
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
    described_as(&leftover.stack, leftover.lifetime, &leftover.directory)
}

fn described_as(stack: &str, lifetime: Option<Lifetime>, directory: &Path) -> String {
    let lifetime = lifetime.map(|lifetime| format!("{lifetime}, ")).unwrap_or_default();
    format!("stack {stack} ({lifetime}from {})", directory.display())
}

fn left(stack: &Elsewhere) -> String {
    let what = described_as(&stack.stack, stack.lifetime, &stack.directory);
    let time = in_words(stack.until.duration_since(SystemTime::now()).unwrap_or_default());
    format!(
        "left {what}: it belongs to another host, container or state folder; without a sign of life it is a leftover \
         in {time}"
    )
}

fn elsewhere_json(stack: &Elsewhere) -> Value {
    let until = stack.until.duration_since(UNIX_EPOCH).unwrap_or_default();
    json!({"stack": stack.stack, "leftover_at": until.as_secs()})
}
