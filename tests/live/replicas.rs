//! Several containers of a service, and services that share a network.

use std::collections::BTreeSet;

use greenroom::{Error, Stack};

use crate::file;

#[tokio::test]
async fn every_replica_runs_and_is_found_under_the_services_name() -> Result<(), Error> {
    let stack = Stack::up(file("fixtures/live/replicas.yml")).await?;
    let workers = stack.replicas("worker")?;
    let ports: BTreeSet<_> = workers.iter().map(|worker| worker.port(8000)).collect::<Result<_, _>>()?;
    assert_eq!((workers.len(), ports.len()), (3, 3), "each has a port of its own: {workers:?}");
    assert_eq!(workers[0].container_name(), stack.service("worker")?.container_name());
    // What its neighbour saw when it started, which was after all of them answered.
    let seen = stack.service("neighbour")?.logs().await?;
    assert_eq!(seen.lines().collect::<BTreeSet<_>>().len(), 3, "{seen}");
    stack.down().await
}

#[tokio::test]
async fn a_service_on_anothers_network_is_reached_through_it() -> Result<(), Error> {
    let stack = Stack::up(file("fixtures/live/shared-network.yml")).await?;
    let (owner, sharer) = (stack.service("owner")?, stack.service("sharer")?);
    assert_eq!(owner.port(8000)?, sharer.port(8000)?);
    // To the sharer, the owner is at its own loopback address.
    assert!(sharer.logs().await?.contains("the owner answers"));
    stack.down().await
}
