use std::{net::IpAddr, sync::Arc};

use reqwest::dns::Resolve;

use super::quick;
use crate::neighbours::{
    AddressGuard, Call, Client, ClientError, NeighbourSettings, RefusedAddress, guard::GuardedResolver,
};

#[test]
fn link_local_and_metadata_addresses_are_refused_in_every_spelling() {
    let guard = AddressGuard::default();
    for refused in [
        "169.254.169.254",
        "169.254.0.1",
        "0.0.0.0",
        "255.255.255.255",
        "224.0.0.1",
        "100.100.100.200",
        "168.63.129.16",
        "::",
        "fe80::1",
        "ff02::1",
        "fd00:ec2::254",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
    ] {
        assert!(!guard.permits(refused.parse::<IpAddr>().unwrap()), "{refused}");
    }
    for good in [
        "127.0.0.1",
        "10.0.0.1",
        "192.168.1.1",
        "93.184.216.34",
        "::1",
        "fd12::1",
        "2606:2800::1",
    ] {
        assert!(guard.permits(good.parse::<IpAddr>().unwrap()), "{good}");
    }
    for url in [
        "http://2852039166/",
        "http://0xa9fea9fe/",
        "http://[::ffff:a9fe:a9fe]/",
    ] {
        assert!(guard.check(&url.parse().unwrap()).is_err(), "{url}");
    }
    let guard = AddressGuard::new(vec!["169.254.10.0/24".parse().unwrap()]);
    assert!(guard.permits("169.254.10.7".parse().unwrap()));
    assert!(!guard.permits("169.254.11.7".parse().unwrap()));
}

#[tokio::test]
async fn a_name_that_leads_to_a_refused_address_is_refused() {
    let guard = Arc::new(AddressGuard::default());
    let resolver = GuardedResolver(Arc::clone(&guard));
    assert!(resolver.resolve("localhost".parse().unwrap()).await.is_ok());
    let resolved = resolver.resolve("169.254.169.254".parse().unwrap()).await;
    let error = resolved.err().unwrap();
    assert!(error.is::<RefusedAddress>(), "{error}");
}

#[tokio::test]
async fn a_client_is_not_made_for_a_refused_address() {
    let settings = NeighbourSettings::default();
    let base = "http://169.254.169.254/".parse().unwrap();
    let error = Client::new("iam", base, &settings, &quick()).err().unwrap();
    assert!(matches!(error, ClientError::Address { .. }), "{error}");
}

#[tokio::test]
async fn an_address_is_added_to_whether_it_ends_in_a_slash_or_not() {
    let neighbour = mission_neighbours::StandIn::start().await.unwrap();
    for ending in ["", "/", "/base", "/base/"] {
        let base = format!("{}{ending}", neighbour.url).parse().unwrap();
        let client = Client::new("iam", base, &NeighbourSettings::default(), &quick()).unwrap();
        let call = Call::get("/users/{id}", ["api", "v1", "users", "../a b?c#d"]);
        let _ = client.json::<serde_json::Value>(&call).await;
    }
    let paths: Vec<String> = neighbour.seen().into_iter().map(|seen| seen.path).collect();
    let plain = "/api/v1/users/..%2Fa%20b%3Fc%23d";
    let based = format!("/base{plain}");
    assert_eq!(paths, [plain, plain, &based, &based]);
}
