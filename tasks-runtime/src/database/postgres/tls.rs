//! Encrypted connections.

#[cfg(feature = "postgres-tls")]
use std::sync::Arc;

use tokio_postgres::config::SslMode;

use crate::database::error::DatabaseError;
use crate::database::url::{PostgresUrl, wrong};

/// What a URL says of encryption.
pub(super) struct TlsOptions {
    pub(super) encryption: Encryption,
    /// A file with the certificates to trust, in place of the system's.
    #[cfg_attr(
        not(feature = "postgres-tls"),
        allow(dead_code, reason = "refused before")
    )]
    root: Option<String>,
}

/// Whether connections are encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encryption {
    Off,
    /// If the server does it. Its certificate is not checked: who could give out a wrong one could as well say that the server does not.
    Preferred,
    /// With a certificate that is checked.
    Required,
}

impl TlsOptions {
    /// `sslmode=require`, `verify-ca` and `verify-full` mean the same here: the certificate is always checked, and that it
    /// is the host's. `sslrootcert` is a file of certificates to trust, and means `verify-full` without an `sslmode` (PostgreSQL, libpq,
    /// section 32.1.2).
    pub(super) fn from_url(url: &PostgresUrl) -> Result<Self, DatabaseError> {
        let root = url.get("sslrootcert");
        let encryption = match url.get("sslmode") {
            Some("require" | "verify-ca" | "verify-full") => Encryption::Required,
            None if root.is_some() => Encryption::Required,
            None | Some("disable") => Encryption::Off,
            Some("prefer") => Encryption::Preferred,
            Some(_) => {
                return Err(wrong(
                    "its `sslmode` is none of `disable`, `prefer`, `require`, `verify-ca` and `verify-full`",
                ));
            }
        };
        if encryption != Encryption::Required {
            let unused = [
                ("sslrootcert", root.is_some()),
                (
                    "sslnegotiation",
                    url.get("sslnegotiation") == Some("direct"),
                ),
            ];
            if let Some((name, _)) = unused.iter().find(|(_, given)| *given) {
                return Err(wrong(&format!(
                    "its `{name}` is of no use without a certificate that is checked: set `sslmode=verify-full`, or leave it out"
                )));
            }
        }
        Ok(Self {
            encryption,
            // As libpq calls those of the system.
            root: root.filter(|root| *root != "system").map(str::to_owned),
        })
    }

    /// What the driver is told.
    pub(super) fn mode(&self) -> SslMode {
        match self.encryption {
            Encryption::Off => SslMode::Disable,
            Encryption::Preferred => SslMode::Prefer,
            Encryption::Required => SslMode::Require,
        }
    }
}

#[cfg(feature = "postgres-tls")]
impl TlsOptions {
    pub(super) fn connector(
        &self,
    ) -> Result<tokio_postgres_rustls::MakeRustlsConnect, DatabaseError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| {
                DatabaseError::Configuration(format!("encryption cannot be set up: {error}"))
            })?;
        let config = if self.encryption == Encryption::Preferred {
            config
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
                .with_no_client_auth()
        } else {
            config
                .with_root_certificates(self.roots()?)
                .with_no_client_auth()
        };
        Ok(tokio_postgres_rustls::MakeRustlsConnect::new(config))
    }

    /// The certificates to trust.
    fn roots(&self) -> Result<rustls::RootCertStore, DatabaseError> {
        use rustls::pki_types::CertificateDer;
        use rustls::pki_types::pem::PemObject as _;
        let failed = |what: String| DatabaseError::Configuration(what);
        let mut roots = rustls::RootCertStore::empty();
        match &self.root {
            Some(path) => {
                let certificates = CertificateDer::pem_file_iter(path).map_err(|error| {
                    failed(format!(
                        "the certificates in `{path}` cannot be read: {error}"
                    ))
                })?;
                roots.add_parsable_certificates(certificates.filter_map(Result::ok));
                if roots.is_empty() {
                    return Err(failed(format!("there are no certificates in `{path}`")));
                }
            }
            None => {
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
                if roots.is_empty() {
                    return Err(failed(
                        "this system has no certificates that could be trusted: name a file of them in the URL, as `sslrootcert`"
                            .to_owned(),
                    ));
                }
            }
        }
        Ok(roots)
    }
}

/// Takes whatever certificate a server has, if the server has its key.
#[cfg(feature = "postgres-tls")]
#[derive(Debug)]
struct AnyCertificate(Arc<rustls::crypto::CryptoProvider>);

#[cfg(feature = "postgres-tls")]
impl rustls::client::danger::ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &rustls::pki_types::CertificateDer<'_>,
        _: &[rustls::pki_types::CertificateDer<'_>],
        _: &rustls::pki_types::ServerName<'_>,
        _: &[u8],
        _: rustls::pki_types::UnixTime,
    ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
        Ok(rustls::client::danger::ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &rustls::pki_types::CertificateDer<'_>,
        signature: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &rustls::pki_types::CertificateDer<'_>,
        signature: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_url_says_of_encryption() {
        use Encryption::{Off, Preferred, Required};
        let said = |options: &str| {
            PostgresUrl::parse(&format!("postgres://a@b/c{options}"))
                .and_then(|url| TlsOptions::from_url(&url))
                .map(|options| (options.encryption, options.root))
                .map_err(|error| error.to_string())
        };
        let file = Some("/x".to_owned());
        for (options, expected) in [
            ("", (Off, None)),
            ("?sslmode=disable", (Off, None)),
            ("?sslmode=prefer", (Preferred, None)),
            ("?sslmode=require", (Required, None)),
            ("?sslmode=verify-ca", (Required, None)),
            (
                "?sslmode=verify-full&sslrootcert=/x",
                (Required, file.clone()),
            ),
            ("?sslrootcert=/x", (Required, file)),
            ("?sslrootcert=system", (Required, None)),
            ("?sslmode=require&sslnegotiation=direct", (Required, None)),
        ] {
            assert_eq!(said(options).unwrap(), expected, "{options}");
        }
        for (options, expected) in [
            ("?sslmode=allow", "`sslmode`"),
            ("?sslmode=x", "`sslmode`"),
            ("?sslmode=disable&sslrootcert=/x", "`sslrootcert`"),
            ("?sslmode=prefer&sslrootcert=/x", "`sslrootcert`"),
            ("?sslmode=prefer&sslnegotiation=direct", "`sslnegotiation`"),
            ("?sslnegotiation=direct", "`sslnegotiation`"),
        ] {
            let error = said(options).unwrap_err();
            assert!(error.contains(expected), "{options}: {error}");
        }
    }
}
