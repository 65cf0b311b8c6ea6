//! Encrypted connections.

use tokio_postgres::config::SslMode;

use crate::database::error::DatabaseError;
use crate::database::url::{PostgresUrl, wrong};

/// What a URL says of encryption.
pub(super) struct TlsOptions {
    pub(super) required: bool,
    /// A file with the certificates to trust, in place of the system's.
    #[cfg_attr(
        not(feature = "postgres-tls"),
        allow(dead_code, reason = "refused before")
    )]
    root: Option<String>,
}

impl TlsOptions {
    /// `sslmode=require`, `verify-ca` and `verify-full` mean the same here: the certificate is always checked, and that it
    /// is the host's. `sslrootcert` is a file of certificates to trust (PostgreSQL, libpq, section 32.1.2).
    pub(super) fn from_url(url: &PostgresUrl) -> Result<Self, DatabaseError> {
        let required = match url.get("sslmode") {
            Some("require" | "verify-ca" | "verify-full") => true,
            None | Some("disable" | "allow" | "prefer") => false,
            Some(_) => {
                return Err(wrong(
                    "its `sslmode` is none of `disable`, `prefer`, `require` and `verify-full`",
                ));
            }
        };
        Ok(Self {
            required,
            root: url.get("sslrootcert").map(str::to_owned),
        })
    }

    /// What the driver is told.
    pub(super) fn mode(&self) -> SslMode {
        if self.required {
            SslMode::Require
        } else {
            SslMode::Disable
        }
    }
}

#[cfg(feature = "postgres-tls")]
impl TlsOptions {
    pub(super) fn connector(
        &self,
    ) -> Result<tokio_postgres_rustls::MakeRustlsConnect, DatabaseError> {
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
        let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| failed(format!("encryption cannot be set up: {error}")))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(tokio_postgres_rustls::MakeRustlsConnect::new(config))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_url_says_of_encryption() {
        let said = |url: &str| PostgresUrl::parse(url).and_then(|url| TlsOptions::from_url(&url));
        let options = said("postgres://a@b/c?sslmode=verify-full&sslrootcert=/x").unwrap();
        assert!(options.required);
        assert_eq!(options.root.as_deref(), Some("/x"));
        assert!(!said("postgres://a@b/c").unwrap().required);
        assert!(said("postgres://a@b/c?sslmode=x").is_err());
    }
}
