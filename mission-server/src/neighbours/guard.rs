//! Which addresses may be called. Names are looked at when they are resolved, so that none can lead to a forbidden one.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, LazyLock},
};

use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

/// Link-local networks, where clouds serve their machines' credentials too; such addresses elsewhere; and what is no
/// address of one machine.
const REFUSED: [&str; 11] = [
    "0.0.0.0/8",
    "169.254.0.0/16",
    "224.0.0.0/3",
    "fe80::/10",
    "ff00::/8",
    "::/128",
    // Metadata of Alibaba, Oracle and Azure; of AWS and Google by IPv6.
    "100.100.100.200/32",
    "192.0.0.192/32",
    "168.63.129.16/32",
    "fd00:ec2::/32",
    "fd20:ce::254/128",
];

static NETWORKS: LazyLock<Vec<IpNet>> =
    LazyLock::new(|| REFUSED.iter().filter_map(|text| text.parse().ok()).collect());

/// Networks that are not public: of a machine, a site, a carrier.
const PRIVATE: [&str; 8] = [
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "::1/128",
    "fc00::/7",
];

static PRIVATE_NETWORKS: LazyLock<Vec<IpNet>> =
    LazyLock::new(|| PRIVATE.iter().filter_map(|text| text.parse().ok()).collect());

/// An address that may not be called.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{host}` is a link-local or metadata address, which is not called unless `neighbours.allowed_addresses` names it"
)]
pub struct RefusedAddress {
    /// The name or address.
    pub host: String,
}

/// Tells addresses that may be called from others.
#[derive(Clone, Debug, Default)]
pub struct AddressGuard {
    allowed: Vec<IpNet>,
    public_only: bool,
}

impl AddressGuard {
    /// Refuses link-local and metadata addresses, but for those within `allowed`.
    #[must_use]
    pub fn new(allowed: Vec<IpNet>) -> Self {
        AddressGuard {
            allowed,
            public_only: false,
        }
    }

    /// Refuses every address that is not public, but for those within `allowed`.
    #[must_use]
    pub fn public(allowed: Vec<IpNet>) -> Self {
        AddressGuard {
            allowed,
            public_only: true,
        }
    }

    /// Whether an address may be called.
    #[must_use]
    pub fn permits(&self, address: IpAddr) -> bool {
        let address = plain(address);
        let within = |networks: &[IpNet]| networks.iter().any(|network| network.contains(&address));
        let refused = within(&NETWORKS) || self.public_only && within(&PRIVATE_NETWORKS);
        within(&self.allowed) || !refused
    }

    /// Looks at a URL that names an address itself; one with a name is looked at when that is resolved.
    ///
    /// # Errors
    /// When the address may not be called.
    pub fn check(&self, url: &Url) -> Result<(), RefusedAddress> {
        let address = match url.host() {
            Some(Host::Ipv4(address)) => IpAddr::V4(address),
            Some(Host::Ipv6(address)) => IpAddr::V6(address),
            Some(Host::Domain(_)) | None => return Ok(()),
        };
        if self.permits(address) {
            return Ok(());
        }
        Err(RefusedAddress {
            host: address.to_string(),
        })
    }
}

/// The IPv4 address that an IPv6 address stands for, where it does (mapped, or translated by NAT64).
fn plain(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) if v6.segments()[..6] == [0x64, 0xff9b, 0, 0, 0, 0] => {
            let [.., a, b, c, d] = v6.octets();
            IpAddr::V4(Ipv4Addr::new(a, b, c, d))
        }
        other => other,
    }
}

/// Resolves names as the operating system does, and leaves out what may not be called.
pub(crate) struct GuardedResolver(pub(crate) Arc<AddressGuard>);

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = Arc::clone(&self.0);
        Box::pin(async move {
            let host = name.as_str();
            let found: Vec<SocketAddr> = tokio::net::lookup_host((host, 0)).await?.collect();
            let some = !found.is_empty();
            let good: Vec<SocketAddr> = found
                .into_iter()
                .filter(|address| guard.permits(address.ip()))
                .collect();
            if some && good.is_empty() {
                let host = host.to_owned();
                return Err(RefusedAddress { host }.into());
            }
            Ok(Box::new(good.into_iter()) as Addrs)
        })
    }
}
