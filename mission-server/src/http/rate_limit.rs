//! Rate limits, the first check against fraud: so many at once, then one every so often.

use std::{
    net::{IpAddr, SocketAddr},
    num::NonZeroU32,
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use axum::{
    extract::{ConnectInfo, Request},
    http::{HeaderMap, StatusCode},
};
use governor::{DefaultKeyedRateLimiter, clock::Clock as _};
use ipnet::IpNet;
use mission_core::ports::rate_limit::{RateKey, RateLimiter};

use super::{Problem, caller::Caller};

/// N at once, then one every period/N; `N/s`, `N/min` or `N/h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// How many at once.
    pub burst: NonZeroU32,
    /// In which time they come back.
    pub period: Duration,
}

impl std::str::FromStr for Quota {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let usage = || format!("`{text}` is no rate: write `N/s`, `N/min` or `N/h` with N from 1, or `off`");
        let (count, unit) = text.split_once('/').ok_or_else(usage)?;
        let burst = count.trim().parse().map_err(|_| usage())?;
        let seconds = match unit.trim() {
            "s" => 1,
            "min" => 60,
            "h" => 3600,
            _ => return Err(usage()),
        };
        Ok(Quota {
            burst,
            period: Duration::from_secs(seconds),
        })
    }
}

impl std::fmt::Display for Quota {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let unit = match self.period.as_secs() {
            1 => "s",
            60 => "min",
            _ => "h",
        };
        write!(f, "{}/{unit}", self.burst)
    }
}

/// Counts within this process.
pub struct LocalRateLimiter {
    users: Option<DefaultKeyedRateLimiter<RateKey>>,
    addresses: Option<DefaultKeyedRateLimiter<RateKey>>,
}

impl LocalRateLimiter {
    /// Limits a user and an address; `None` = no limit.
    #[must_use]
    pub fn new(per_user: Option<Quota>, per_address: Option<Quota>) -> Self {
        LocalRateLimiter {
            users: per_user.and_then(limiter),
            addresses: per_address.and_then(limiter),
        }
    }

    /// Forgets keys that have all their quota back; call it now and then, so that memory stays flat.
    pub fn forget_idle(&self) {
        for limiter in [&self.users, &self.addresses].into_iter().flatten() {
            limiter.retain_recent();
        }
    }
}

fn limiter(quota: Quota) -> Option<DefaultKeyedRateLimiter<RateKey>> {
    let quota = governor::Quota::with_period(quota.period / quota.burst.get())?.allow_burst(quota.burst);
    Some(DefaultKeyedRateLimiter::keyed(quota))
}

#[async_trait]
impl RateLimiter for LocalRateLimiter {
    async fn check(&self, key: &RateKey) -> Result<(), Duration> {
        let limiter = match key {
            RateKey::User(_) => &self.users,
            RateKey::Address(_) => &self.addresses,
        };
        let Some(limiter) = limiter else { return Ok(()) };
        limiter
            .check_key(key)
            .map_err(|until| until.wait_time_from(limiter.clock().now()))
    }
}

/// The address of a request's client: the peer's, or what a trusted proxy says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ClientAddress(pub(super) IpAddr);

/// The limiter, and whose word on a client's address is taken.
#[derive(Clone)]
pub struct RateLimits {
    limiter: Arc<dyn RateLimiter>,
    trusted_proxies: Arc<[IpNet]>,
}

impl RateLimits {
    /// Counts with a limiter; behind the trusted proxies the forwarded address counts.
    #[must_use]
    pub fn new(limiter: Arc<dyn RateLimiter>, trusted_proxies: Vec<IpNet>) -> Self {
        RateLimits {
            limiter,
            trusted_proxies: trusted_proxies.into(),
        }
    }

    /// Where a request comes from.
    pub(super) fn address_of(&self, request: &Request) -> Option<ClientAddress> {
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>()?.0.ip();
        Some(ClientAddress(client_address(
            peer,
            request.headers(),
            &self.trusted_proxies,
        )))
    }

    /// Counts one request.
    ///
    /// # Errors
    /// 429 where it is one too many.
    pub(super) async fn check(&self, caller: &Caller, address: Option<ClientAddress>) -> Result<(), Problem> {
        let keys = [
            Some(RateKey::User(caller.user)),
            address.map(|address| RateKey::Address(address.0)),
        ];
        for key in keys.into_iter().flatten() {
            if let Err(wait) = self.limiter.check(&key).await {
                let scope = match key {
                    RateKey::User(_) => "user",
                    RateKey::Address(_) => "address",
                };
                metrics::counter!("mission_fraud_rate_limited_total", "scope" => scope).increment(1);
                let detail = format!("too many requests of this {scope}");
                let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
                return Err(
                    Problem::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", detail).retry_after(seconds),
                );
            }
        }
        Ok(())
    }
}

/// The address of the client: the last one in `X-Forwarded-For` that no trusted proxy added.
fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    // A socket for both families shows IPv4 peers as IPv6 ones.
    let peer = peer.to_canonical();
    let is_trusted = |address: &IpAddr| trusted.iter().any(|network| network.contains(address));
    if !is_trusted(&peer) {
        return peer;
    }
    let forwarded = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok());
    let hops: Vec<&str> = forwarded
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .collect();
    hops.iter()
        .rev()
        .map_while(|hop| hop.parse::<IpAddr>().ok())
        .map(|address| address.to_canonical())
        .find(|address| !is_trusted(address))
        .unwrap_or(peer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forged_hop_does_not_count() {
        let trusted: [IpNet; 2] = ["10.0.0.0/24".parse().unwrap(), "10.0.1.2/32".parse().unwrap()];
        let proxy: IpAddr = "::ffff:10.0.0.1".parse().unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(
            "x-forwarded-for",
            "6.6.6.6, 203.0.113.7, 10.0.1.2".parse().unwrap(),
        );
        let seen = client_address(proxy, &headers, &trusted);
        assert_eq!(seen, "203.0.113.7".parse::<IpAddr>().unwrap());
        let direct: IpAddr = "198.51.100.1".parse().unwrap();
        assert_eq!(client_address(direct, &headers, &trusted), direct);
    }

    #[test]
    fn quotas_are_read_and_written() {
        for text in ["5/s", "120/min", "3/h"] {
            assert_eq!(text.parse::<Quota>().unwrap().to_string(), text);
        }
        for text in ["0/s", "5", "5/day", "-1/min", ""] {
            assert!(text.parse::<Quota>().is_err(), "{text}");
        }
    }
}
