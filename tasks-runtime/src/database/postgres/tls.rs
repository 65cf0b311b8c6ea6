//! Encrypted connections.

use super::DatabaseError;

/// What a URL says of encryption.
pub(super) struct Options {
    /// The URL for tokio-postgres, which knows `sslmode` up to `require`.
    pub(super) url: String,
    pub(super) required: bool,
    /// A file with the certificates to trust, in place of the system's.
    #[cfg_attr(
        not(feature = "postgres-tls"),
        allow(dead_code, reason = "refused before")
    )]
    root: Option<String>,
}

impl Options {
    /// `sslmode=require`, `verify-ca` and `verify-full` mean the same here: the certificate is always checked, and that it
    /// is the host's. `sslrootcert` is a file of certificates to trust (PostgreSQL, libpq, section 32.1.2).
    pub(super) fn take(text: &str) -> Result<Self, DatabaseError> {
        let mut options = Self {
            url: text.to_owned(),
            required: false,
            root: None,
        };
        let Ok(mut url) = url::Url::parse(text) else {
            return Ok(options);
        };
        let mut rest = Vec::new();
        for (key, value) in url.query_pairs().into_owned() {
            match (key.as_str(), value.as_str()) {
                ("sslrootcert", _) => options.root = Some(value),
                ("sslmode", "require" | "verify-ca" | "verify-full") => options.required = true,
                ("sslmode", "disable" | "allow" | "prefer") => {}
                ("sslmode", _) => {
                    return Err(DatabaseError::Configuration(
                        "the URL's `sslmode` is none of `disable`, `prefer`, `require` and `verify-full`".to_owned(),
                    ));
                }
                _ => rest.push((key, value)),
            }
        }
        let mode = if options.required {
            "require"
        } else {
            "disable"
        };
        url.query_pairs_mut()
            .clear()
            .extend_pairs(rest)
            .append_pair("sslmode", mode);
        options.url = url.into();
        Ok(options)
    }
}

#[cfg(feature = "postgres-tls")]
impl Options {
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
        let options =
            Options::take("postgres://a@b/c?sslmode=verify-full&sslrootcert=/x&application_name=y")
                .unwrap();
        assert!(options.required);
        assert_eq!(options.root.as_deref(), Some("/x"));
        assert_eq!(
            options.url,
            "postgres://a@b/c?application_name=y&sslmode=require"
        );
        assert!(!Options::take("postgres://a@b/c").unwrap().required);
        assert!(Options::take("postgres://a@b/c?sslmode=x").is_err());
    }
}
