//! Stacks of the same file that belong to other users.

use greenroom::Lifetime;
use greenroom::stack::FoundStack;

use crate::arguments::Options;
use crate::failure::Failure;

/// The kept stacks that other users have of this file.
pub(crate) async fn of_this_file(options: &Options) -> Result<Vec<FoundStack>, Failure> {
    let project = options.builder().read()?;
    let mut stacks = greenroom::stack::stacks().await?;
    stacks.retain(|stack| {
        stack.project == project.name
            && stack.directory == project.directory
            && stack.lifetime == Some(Lifetime::Keep)
            && !stack.is_of_this_user()
    });
    Ok(stacks)
}

/// One line for each stack: whose it is, and how to act on it all the same.
pub(crate) fn described(stacks: &[FoundStack], command: &str) -> String {
    let lines = stacks.iter().map(|stack| {
        format!(
            "stack {0} of this file belongs to the user with id {1}: `greenroom {command} --stack {0}` acts on it\n",
            stack.name, stack.user
        )
    });
    lines.collect::<String>().trim_end().to_owned()
}
