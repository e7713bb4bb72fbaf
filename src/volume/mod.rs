//! Kept volumes: claimed by one stack at a time, and checked to really hold the data to keep.

mod claim;
#[cfg(feature = "postgres")]
mod durability;
mod kept;

pub(crate) use claim::{Claim, Taken, is_claim, name as claim_name};
#[cfg(feature = "postgres")]
pub(crate) use durability::check_durability;
pub use kept::{KeptVolume, kept_volumes};
