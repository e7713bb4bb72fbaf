//! Claims the kept volumes of a stack.

use std::collections::BTreeSet;

use futures_util::FutureExt;

use super::failure::Failure;
use super::start::Start;
use crate::Error;
use crate::engine::VolumeSpec;
use crate::error::VolumeUser;
use crate::lease;
use crate::plan::{Fate, PlannedService, PlannedVolume};
use crate::stack::end::leftover::remove_orphan;
use crate::stack::spec;
use crate::volume::Taken;

/// Claims every kept volume of the plan. Two servers on one data directory would destroy it.
pub(super) async fn claim_all(start: &Start) -> Result<(), Failure> {
    for volume in start.plan.volumes.iter().filter(|volume| volume.fate == Fate::Kept) {
        claim(start, volume).await?;
    }
    Ok(())
}

/// Takes the claims of a service once more, now that its container exists; see [`crate::volume`].
pub(super) async fn confirm(start: &Start, planned: &PlannedService) -> Result<(), Failure> {
    for volume in start.plan.kept_volumes_of(&planned.service) {
        claim(start, volume).await?;
    }
    Ok(())
}

async fn claim(start: &Start, volume: &PlannedVolume) -> Result<(), Failure> {
    let engine = start.engine.as_ref();
    let claim = spec::claim(&start.plan, volume, &start.owner, &start.nonce);
    let create = |spec: VolumeSpec| {
        let engine = start.engine.clone();
        start.create(async move { engine.create_volume(&spec).await }).boxed()
    };
    let held = |user| Error::volume_held(&volume.key, &volume.name, &user).into();
    let mut removed = BTreeSet::new();
    loop {
        match claim.take(engine, &create, &start.observer).await {
            Ok(()) => return Ok(()),
            // It may be a leftover: then it is removed, and the claim is free.
            Err(Taken::By(VolumeUser::Stack { stack, .. })) if removed.insert(stack.clone()) => {
                if let Err(error) = remove_orphan(engine, &start.state, &stack, lease::now()).await {
                    tracing::warn!(stack, ?error, "could not remove the stack that has a kept volume");
                }
            }
            Err(Taken::By(user)) => return Err(held(user)),
            Err(Taken::Failed(error)) => return Err(error.into()),
        }
    }
}
