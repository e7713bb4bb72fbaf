//! A command in the container that must exit with 0, such as a compose healthcheck, run at greenroom's own cadence.

use super::Target;
use crate::engine::Keep;
use crate::poll::Answer;

/// How much of the output is kept: more than is shown.
const KEPT: Keep = Keep::End(8 * 1024);

/// How many characters of a failed command's output are shown: the last ones, where the error is.
const SHOWN: usize = 500;

pub(super) async fn ask(target: &Target<'_>, argv: &[String]) -> Answer {
    match target.engine.exec(&target.known.id, argv, KEPT).await {
        Ok(done) if done.code == 0 => Answer::Ready,
        Ok(done) => {
            let end = end_of(&target.secrets.hide(&done.output));
            Answer::NotYet(format!("`{}` exited with {}{end}", argv.join(" "), done.code))
        }
        Err(error) => super::of_engine(&error),
    }
}

fn end_of(output: &str) -> String {
    let output = output.trim();
    if output.is_empty() {
        return String::new();
    }
    let skipped = output.chars().count().saturating_sub(SHOWN);
    format!(": {}", output.chars().skip(skipped).collect::<String>())
}
