//! TLS by the server itself: a certificate and its key, read once at the start.

use std::{io, path::Path, sync::Arc, time::Duration};

use tokio::net::TcpStream;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
    server::TlsStream,
};

use crate::config::TlsSettings;

/// How long a client may take to agree on keys.
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);

/// The certificate or its key cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the {what} `{path}` cannot be used for TLS: {reason}")]
pub struct InvalidCertificate {
    /// `certificate` or `key`.
    pub what: &'static str,
    /// The file.
    pub path: String,
    /// Why. It holds nothing of the key.
    pub reason: String,
}

/// Agrees with clients on keys (TLS 1.2 and 1.3).
#[derive(Clone)]
pub(super) struct Tls(TlsAcceptor);

impl Tls {
    /// Reads a certificate, with those that vouch for it, and its key, both in PEM.
    ///
    /// # Errors
    /// When one of the files cannot be read, or the key is not that of the certificate.
    pub(super) fn new(settings: &TlsSettings) -> Result<Self, InvalidCertificate> {
        let TlsSettings { certificate, key } = settings;
        let of_certificate = |reason: String| invalid("certificate", certificate, reason);
        let of_key = |reason: String| invalid("key", key, reason);
        let chain = CertificateDer::pem_file_iter(certificate)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| of_certificate(error.to_string()))?;
        if chain.is_empty() {
            return Err(of_certificate("it holds no certificate in PEM".to_owned()));
        }
        let private = PrivateKeyDer::from_pem_file(key).map_err(|error| of_key(error.to_string()))?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| of_certificate(error.to_string()))?
            .with_no_client_auth()
            .with_single_cert(chain, private)
            .map_err(|error| of_key(error.to_string()))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Tls(TlsAcceptor::from(Arc::new(config))))
    }

    /// Agrees on keys with whoever has connected.
    pub(super) async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        tokio::time::timeout(HANDSHAKE_TIME, self.0.accept(stream))
            .await
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }
}

fn invalid(what: &'static str, path: &Path, reason: String) -> InvalidCertificate {
    InvalidCertificate {
        what,
        path: path.display().to_string(),
        reason,
    }
}
