//! Names and addresses of neighbours, on the stack's own networks and on an external one.

use testcontainers::bollard::models::{Ipam, IpamConfig, NetworkCreateRequest};
use testcontainers::core::client::docker_client_instance;

use super::{Result, Said, applied, engine, unique};

/// A network outside the stack, removed when this is dropped.
struct Outside {
    name: String,
    /// The first two parts of its addresses, which no other network uses.
    net: String,
}

impl Outside {
    /// Tries addresses until some are free.
    async fn new() -> Result<Outside> {
        let name = format!("greenroom-outside-{}", unique());
        let mut last = None;
        for try_ in 0..20u8 {
            let part = u8::from_str_radix(&unique()[..2], 16)?.wrapping_add(try_);
            let net = format!("10.{part}");
            let pool = IpamConfig { subnet: Some(format!("{net}.1.0/24")), ..IpamConfig::default() };
            let request = NetworkCreateRequest {
                name: name.clone(),
                ipam: Some(Ipam { config: Some(vec![pool]), ..Ipam::default() }),
                ..NetworkCreateRequest::default()
            };
            match engine().await?.create_network(request).await {
                Ok(_) => return Ok(Outside { name, net }),
                Err(error) => last = Some(error),
            }
        }
        Err(last.map_or_else(|| "no address was tried".into(), Into::into))
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        let name = self.name.clone();
        // Errors are ignored: a failed test already shows its own.
        let _ = greenroom::blocking::wait(async move {
            if let Ok(engine) = docker_client_instance().await {
                let _ = engine.remove_network(&name).await;
            }
            Ok(())
        });
    }
}

#[tokio::test]
async fn neighbours_find_each_other_by_every_name_and_nobody_else() -> Result {
    let outside = Outside::new().await?;
    let net = &outside.net;
    let stranger = applied("stranger").env("OUTSIDE", &outside.name).up().await?;
    let container = stranger.plan().service("stranger").ok_or("it is there")?.container.clone();
    let stack = applied("networks")
        .env("OUTSIDE", &outside.name)
        .env("NET", net)
        .env("NET6", &format!("fd{}:{}", &unique()[..2], &unique()[..4]))
        .env("OTHER", &container)
        .up()
        .await?;

    let client = Said::by(&stack, "client").await?;
    let (back, out) = (format!("{net}.0.77"), format!("{net}.1.77"));
    for name in ["database", "db.internal"] {
        client.is(name, &[&back]);
    }
    // On both networks that they share.
    for name in ["server", "the-server", "served", "linked"] {
        let said = client.of(name);
        assert!(said.contains(&back) || said.contains(&out), "{name}: {}", client.log);
    }
    client.has("stranger", &format!("{net}.1."));
    client.is("interfaces", &["3"]);
    client.is("mtu", &["1234"]);
    // Its own address is from the pool's range, and not the one that is reserved.
    let own = client.of("addresses").split(' ').find(|address| address.starts_with(&format!("{net}.0.")));
    let last: u8 = own.and_then(|address| address.rsplit('.').next()).ok_or("it is on `back`")?.parse()?;
    assert!(last >= 128 && last != 129, "{}", client.log);

    client.has("addresses", "169.254.34.68");

    let elsewhere = Said::by(&stack, "elsewhere").await?;
    elsewhere.has("six", "fd");
    elsewhere.is("found", &["0"]);

    // Asks the engine about the networks: an older engine gives even an internal network a route, which leads
    // nowhere.
    let plan = stack.plan();
    let name =
        |key: &str| plan.networks.iter().find(|network| network.key == key).map(|network| &network.name);
    let front = engine().await?.inspect_network(name("front").ok_or("it is there")?, None).await?;
    assert_eq!(front.labels.unwrap_or_default()["org.greenroom.told"], "by the engine");
    assert_eq!((front.internal, front.attachable), (Some(false), Some(false)));
    let back = engine().await?.inspect_network(name("back").ok_or("it is there")?, None).await?;
    assert_eq!((back.internal, back.attachable), (Some(true), Some(true)));
    let ipam = back.ipam.unwrap_or_default();
    assert_eq!(ipam.options.unwrap_or_default()["org.greenroom.option"], "told");
    let gateway = ipam.config.unwrap_or_default().into_iter().next().and_then(|pool| pool.gateway);
    assert_eq!(gateway, Some(format!("{net}.0.9")));

    stack.down().await?;
    stranger.down().await?;
    // The network outside the stack is still there.
    assert!(engine().await?.inspect_network(&outside.name, None).await.is_ok());
    Ok(())
}
