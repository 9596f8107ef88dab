//! Which addresses a webhook may have: public ones by https, so that nobody makes this server call into its own network.

use std::{sync::Arc, time::Duration};

use ipnet::IpNet;
use url::{Host, Url};

use crate::neighbours::AddressGuard;

/// An address that no webhook may have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RefusedTarget {
    /// It is none.
    #[error("must be an address such as `https://example.com/hooks`")]
    NotUrl,
    /// Events would be readable on the way.
    #[error("must begin with `https://`")]
    NotHttps,
    /// It has a user or a password, which would be logged.
    #[error("must hold no user and no password; deliveries are signed instead")]
    Credentials,
    /// It leads into a private network, or to the machine itself.
    #[error("must not lead to a private, link-local or local address, as `{0}` does")]
    Private(String),
}

/// Tells addresses that a webhook may have from others.
#[derive(Clone, Debug)]
pub struct TargetPolicy {
    guard: Arc<AddressGuard>,
    requires_https: bool,
}

/// A name must be found within this time, or it is looked at when it is called.
const LOOKUP: Duration = Duration::from_secs(2);

impl TargetPolicy {
    /// Public addresses by https, and any within `allowed` networks, those also by http.
    #[must_use]
    pub fn new(allowed: Vec<IpNet>) -> Self {
        TargetPolicy {
            requires_https: allowed.is_empty(),
            guard: Arc::new(AddressGuard::public(allowed)),
        }
    }

    /// The guard that looks at what names lead to when they are called.
    pub(super) fn guard(&self) -> Arc<AddressGuard> {
        Arc::clone(&self.guard)
    }

    /// The address of a text, if a webhook may have it. A name is looked up; one that cannot be found now may be later, and
    /// is looked at again whenever it is called.
    ///
    /// # Errors
    /// What is wrong with it.
    pub async fn parse(&self, text: &str) -> Result<Url, RefusedTarget> {
        let url = Url::parse(text).map_err(|_| RefusedTarget::NotUrl)?;
        match url.scheme() {
            "https" => {}
            "http" if !self.requires_https => {}
            _ => return Err(RefusedTarget::NotHttps),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(RefusedTarget::Credentials);
        }
        let host = match url.host() {
            None => return Err(RefusedTarget::NotUrl),
            Some(Host::Domain(name)) => name.to_owned(),
            Some(_) => {
                let private =
                    |refused: crate::neighbours::RefusedAddress| RefusedTarget::Private(refused.host);
                return self.guard.check(&url).map_err(private).map(|()| url);
            }
        };
        let lookup = tokio::net::lookup_host((host.as_str(), 443));
        let found: Vec<_> = match tokio::time::timeout(LOOKUP, lookup).await {
            Ok(Ok(found)) => found.collect(),
            Ok(Err(_)) | Err(_) => Vec::new(),
        };
        if !found.is_empty() && !found.iter().any(|address| self.guard.permits(address.ip())) {
            return Err(RefusedTarget::Private(host));
        }
        Ok(url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_public_addresses_by_https_are_taken() {
        let policy = TargetPolicy::new(Vec::new());
        for good in ["https://8.8.8.8/hooks", "https://[2606:4700::1111]:8443/x?y=1"] {
            assert!(policy.parse(good).await.is_ok(), "{good}");
        }
        for (bad, expected) in [
            ("not an address", RefusedTarget::NotUrl),
            ("http://8.8.8.8/", RefusedTarget::NotHttps),
            ("ftp://8.8.8.8/", RefusedTarget::NotHttps),
            ("https://user:pass@8.8.8.8/", RefusedTarget::Credentials),
        ] {
            assert_eq!(policy.parse(bad).await, Err(expected), "{bad}");
        }
        for private in [
            "https://127.0.0.1/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://10.1.2.3/",
            "https://172.20.0.1/",
            "https://192.168.1.1/",
            "https://169.254.169.254/latest/meta-data",
            "https://100.64.0.1/",
            "https://0.0.0.0/",
            "https://[::1]/",
            "https://[fe80::1]/",
            "https://[fd00::1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://[64:ff9b::a00:1]/",
            "https://localhost/",
        ] {
            let refused = policy.parse(private).await;
            assert!(
                matches!(refused, Err(RefusedTarget::Private(_))),
                "{private}: {refused:?}"
            );
        }
        let allowed = TargetPolicy::new(vec!["127.0.0.0/8".parse().unwrap()]);
        assert!(allowed.parse("http://127.0.0.1:9/").await.is_ok());
        assert!(allowed.parse("https://10.0.0.1/").await.is_err());
    }
}
