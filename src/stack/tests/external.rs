//! External networks and volumes, which must exist, and fixed addresses, which others may already use.

use expect_test::expect;

use super::TestStack;
use crate::plan::Options;

const FIXED_SUBNET: &str = "
services: {web: {image: web, networks: [front]}}
networks: {front: {ipam: {config: [{subnet: 172.30.9.0/24}]}}}
";

#[tokio::test(start_paused = true)]
async fn a_second_stack_on_a_fixed_subnet_names_the_stack_that_has_it() {
    let first = TestStack::of(FIXED_SUBNET);
    let _running = first.up().await.expect("nobody has the subnet");
    let second = first.beside("2", FIXED_SUBNET, Options::default());
    let error = second.up().await.err().expect("the subnet is taken");
    expect![[r#"
        failed to create network greenroom-shop-2_front: Pool overlaps with other one on this address space
          network `front` asks for the subnet 172.30.9.0/24, but network `greenroom-shop-1_front` has 172.30.9.0/24; it belongs to stack `greenroom-shop-1`

        hint: wait for that stack, or take it down: `greenroom down --stack greenroom-shop-1`; without a fixed subnet any number of stacks run side by side"#]]
    .assert_eq(&second.story(&error));
}

const FIXED_ADDRESS: &str = "
services: {web: {image: web, networks: {theirs: {ipv4_address: 172.30.9.7}}}}
networks: {theirs: {external: true, name: their-network}}
";

#[tokio::test(start_paused = true)]
async fn a_second_stack_at_a_fixed_address_names_the_container_that_has_it() {
    let first = TestStack::of(FIXED_ADDRESS);
    first.engine.has_network("their-network");
    let _running = first.up().await.expect("nobody has the address");
    let second = first.beside("2", FIXED_ADDRESS, Options::default());
    second.engine.fails("start container", "greenroom-shop-2-web-1", "Address already in use");
    let error = second.up().await.err().expect("the address is taken");
    expect![[r#"
        service `web` could not be started: failed to start container greenroom-shop-2-web-1: Address already in use
          172.30.9.7 on network `their-network` is the address of container `greenroom-shop-1-web-1` of stack `greenroom-shop-1` (`greenroom down --stack greenroom-shop-1` takes it down)
          container: greenroom-shop-2-web-1, now removed
          log: $STATE/evidence/greenroom-shop-2/web.log, empty
          evidence of all services: $STATE/evidence/greenroom-shop-2"#]]
    .assert_eq(&second.story(&error));
}

#[tokio::test(start_paused = true)]
async fn an_external_volume_must_exist() {
    let stack = TestStack::of(
        "
services: {db: {image: db, volumes: ['data:/data']}}
volumes: {data: {external: true, name: their-data}}
",
    );
    expect![[r#"
        external volume `data` does not exist: the engine has no volume `their-data`

        hint: create it first: `docker volume create their-data`; without `external: true` each stack gets one of its own"#]]
    .assert_eq(&stack.failure().await);
}

#[tokio::test(start_paused = true)]
async fn an_external_network_must_exist() {
    let stack = TestStack::of(
        "
services: {db: {image: db, networks: [theirs]}}
networks: {theirs: {external: true}}
",
    );
    expect![[r#"
        external network `theirs` does not exist: the engine has no network `theirs`

        hint: create it first: `docker network create theirs`; without `external: true` each stack gets one of its own"#]]
    .assert_eq(&stack.failure().await);
}
