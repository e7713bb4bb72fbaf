//! Container specs that differ from what the file says, and keys that an engine does not support.

use std::path::Path;

use expect_test::expect;

use super::*;
use crate::plan::EngineVersion;

const SHARED: &str = "
services:
  owner:
    image: example
    volumes: [data:/data]
  guest:
    image: example
    links: [owner, 'owner:linked']
    external_links: [stranger, 'stranger:known']
    ipc: service:owner
    pid: container:other
    volumes_from: ['owner:ro', 'container:other:rw']
    mac_address: 02:42:ac:11:65:43
    networks: {back: {mac_address: 02:42:ac:11:65:44}, front: {priority: 5}}
    logging: {driver: syslog}
networks: {front: {}, back: {}}
volumes: {data: {}}
";

#[tokio::test(start_paused = true)]
async fn references_to_services_become_containers() {
    let stack = TestStack::of(SHARED);
    let running = stack.up().await.expect("it comes up");
    let spec = stack.engine.spec("greenroom-shop-1-guest-1");
    assert_eq!(spec.namespaces.ipc.as_deref(), Some("container:greenroom-shop-1-owner-1"));
    assert_eq!(spec.namespaces.pid.as_deref(), Some("container:other"));
    assert_eq!(spec.volumes_from, ["greenroom-shop-1-owner-1:ro", "other:rw"]);
    let links = ["owner", "linked"].map(|alias| format!("greenroom-shop-1-owner-1:{alias}"));
    let strangers = ["stranger", "known"].map(|alias| format!("stranger:{alias}"));
    for attachment in &spec.networks {
        assert_eq!(attachment.links, [links.as_slice(), &strangers].concat());
    }
    // The service's own MAC address goes to its first network.
    let addresses = spec.networks.iter().map(|at| (at.network.as_str(), at.mac_address.as_deref()));
    assert_eq!(
        addresses.collect::<Vec<_>>(),
        [
            ("greenroom-shop-1_front", Some("02:42:ac:11:65:43")),
            ("greenroom-shop-1_back", Some("02:42:ac:11:65:44"))
        ]
    );
    // The log stays readable, and the report says so.
    assert_eq!(spec.logging, None);
    let warnings: Vec<_> = running.report().warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        [
            "compose.yaml:15:23: services.guest.logging.driver: greenroom does not apply the driver `syslog`: it could not read the log"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_container_that_shares_its_volumes_is_created_first() {
    let stack = TestStack::of(SHARED);
    stack.engine.takes("create container", "owner-1", secs(2));
    stack.up().await.expect("it comes up");
    let created = stack.engine.moment("create container", "guest-1");
    assert!(created > stack.engine.moment("start container", "owner-1"), "{}", stack.timeline());
}

#[tokio::test(start_paused = true)]
async fn an_engines_warning_is_an_event_and_in_the_report() {
    let stack = TestStack::of("services: {web: {image: example}}");
    stack.engine.warns("Your kernel does not support Block I/O weight. Weight discarded.\n");
    let running = stack.up().await.expect("it comes up");
    let text =
        "services.web: the engine warns: Your kernel does not support Block I/O weight. Weight discarded.";
    assert_eq!(running.report().warnings.iter().map(ToString::to_string).collect::<Vec<_>>(), [text]);
    let warnings = stack.events().into_iter().filter_map(|event| match event {
        Event::Warned(warning) => Some(warning.to_string()),
        _ => None,
    });
    assert_eq!(warnings.collect::<Vec<_>>(), [text]);
}

#[tokio::test(start_paused = true)]
async fn a_missing_bind_source_is_named() {
    let stack = TestStack::of(
        "services: {web: {image: example, volumes: [{type: bind, source: /no/such/file, target: /etc/shop, bind: {create_host_path: false}}]}}",
    );
    expect![[r#"
        service `web` could not be started: /no/such/file, to be mounted at /etc/shop, does not exist on the host, and `create_host_path` is not set

        hint: create it, or let greenroom create a folder: `bind: { create_host_path: true }`"#]]
    .assert_eq(&stack.failure().await);
}

const NEWER: &str = "
services:
  web:
    image: example
    annotations: {a: b}
    mac_address: 02:42:ac:11:65:43
    networks: {front: {interface_name: eth9, gw_priority: 3}}
    volumes:
      - {type: volume, source: data, target: /a, volume: {subpath: part}}
      - {type: image, source: other, target: /b}
      - {type: bind, source: /, target: /c, read_only: true, bind: {recursive: readonly}}
networks: {front: {enable_ipv4: false}}
volumes: {data: {}}
";

fn for_engine(engine: &str, api: (u32, u32)) -> Result<Vec<String>, String> {
    let plan = plan_of(Path::new("/shop"), NEWER, &Options { id: "1".to_owned(), ..Options::default() });
    let version = EngineVersion { engine: engine.to_owned(), api };
    let plan = plan.for_engine(&version).map_err(|error| {
        assert!(error.is_usage());
        format!("{error:?}")
    })?;
    Ok(plan.warnings.iter().map(ToString::to_string).collect())
}

#[test]
fn keys_that_the_engine_is_too_old_for_are_reported_with_their_position() {
    expect![[r#"
        compose.yaml:6:18: services.web.mac_address: needs Docker Engine 25.0 (API 1.44) or newer, and this engine is 20.10.24 (API 1.41)
            6 |     mac_address: 02:42:ac:11:65:43
              |                  ^

        hint: update the engine, or leave it out in an override file: `!reset null`

        compose.yaml:7:40: services.web.networks.front.interface_name: needs Docker Engine 28.1 (API 1.49) or newer, and this engine is 20.10.24 (API 1.41)
            7 |     networks: {front: {interface_name: eth9, gw_priority: 3}}
              |                                        ^

        compose.yaml:9:68: services.web.volumes[0].volume.subpath: needs Docker Engine 26.0 (API 1.45) or newer, and this engine is 20.10.24 (API 1.41)
            9 |       - {type: volume, source: data, target: /a, volume: {subpath: part}}
              |                                                                    ^

        compose.yaml:10:16: services.web.volumes[1].type: needs Docker Engine 28.0 (API 1.48) or newer, and this engine is 20.10.24 (API 1.41)
           10 |       - {type: image, source: other, target: /b}
              |                ^

        compose.yaml:11:80: services.web.volumes[2].bind.recursive: needs Docker Engine 25.0 (API 1.44) or newer, and this engine is 20.10.24 (API 1.41)
           11 |       - {type: bind, source: /, target: /c, read_only: true, bind: {recursive: readonly}}
              |                                                                                ^

        compose.yaml:12:33: networks.front.enable_ipv4: needs Docker Engine 28.0 (API 1.48) or newer, and this engine is 20.10.24 (API 1.41)
           12 | networks: {front: {enable_ipv4: false}}
              |                                 ^"#]]
    .assert_eq(&for_engine("20.10.24", (1, 41)).expect_err("it is too old"));
    let error = for_engine("28.0.4", (1, 48)).expect_err("it is a little too old");
    assert!(error.starts_with("compose.yaml:7:40: services.web.networks.front.interface_name: needs Docker Engine 28.1 (API 1.49) or newer, and this engine is 28.0.4 (API 1.48)"), "{error}");
}

#[test]
fn a_recent_engine_gives_no_warning() {
    assert_eq!(for_engine("28.1.0", (1, 49)), Ok(Vec::new()));
}

#[test]
fn an_old_engine_gives_a_warning_for_optional_keys() {
    let plan = plan_of(
        Path::new("/shop"),
        "services: {web: {image: example, annotations: {a: b}, networks: {front: {gw_priority: 1}}}}\nnetworks: {front: {}}",
        &Options::default(),
    );
    let version = EngineVersion { engine: "20.10.24".to_owned(), api: (1, 41) };
    let warnings = plan.for_engine(&version).expect("the keys are optional").warnings;
    expect![[r#"
        compose.yaml:1:47: services.web.annotations: not applied: it needs Docker Engine 24.0 (API 1.43) or newer, and this engine is 20.10.24 (API 1.41)
        compose.yaml:1:87: services.web.networks.front.gw_priority: not applied: it needs Docker Engine 28.0 (API 1.48) or newer, and this engine is 20.10.24 (API 1.41)
    "#]]
    .assert_eq(&warnings.iter().map(|warning| format!("{warning}\n")).collect::<String>());
}
