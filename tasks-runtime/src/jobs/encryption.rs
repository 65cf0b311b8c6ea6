//! Keys that secret parameters are encrypted with where jobs are stored.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chacha20poly1305::aead::{Aead as _, Generate as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

/// Bytes of a key.
const KEY: usize = 32;
/// Bytes of a nonce, which is drawn at random for each value.
const NONCE: usize = 24;
/// Bytes of the name of a key, as it is stored beside what it encrypts.
const NAME: usize = 4;

/// The keys that secret parameters of jobs and schedules are encrypted with, for
/// [`Jobs::encryption_keys`](super::Jobs::encryption_keys): XChaCha20-Poly1305, with a nonce of its own for each value.
///
/// Its text is one key or several, with commas between them; each is 32 bytes as 64 hexadecimal digits, as `openssl rand -hex 32`
/// prints them. The first one encrypts, all of them decrypt. To change the key, add the new one behind the old one in every process;
/// when all of them have it, put it in front; and drop the old one when the jobs and schedules from before are gone.
///
/// ```
/// use tasks_runtime::jobs::EncryptionKeys;
///
/// let new = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
/// let old = "101112131415161718191a1b1c1d1e1f000102030405060708090a0b0c0d0e0f";
/// let keys: EncryptionKeys = format!("{new},{old}").parse()?;
/// # let _ = keys;
/// # Ok::<(), tasks_runtime::jobs::InvalidEncryptionKeys>(())
/// ```
#[derive(Clone)]
pub struct EncryptionKeys(Arc<[Key]>);

struct Key {
    /// The beginning of its digest, so that it is known which key is needed.
    name: String,
    cipher: XChaCha20Poly1305,
    /// Goes into digests of parameters, which without it would tell what the secret is to anybody who guesses it.
    pepper: [u8; 32],
}

/// Why a text is no [`EncryptionKeys`]. The text itself is not shown.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidEncryptionKeys {
    /// A key is not 64 hexadecimal digits.
    #[error(
        "key {number} of the encryption keys is not 64 hexadecimal digits: make one with `openssl rand -hex 32`"
    )]
    Malformed {
        /// Which one, from 1.
        number: usize,
    },
    /// The environment has no such variable.
    #[error(
        "the environment variable `{0}` is not set: it is to hold an encryption key, as `openssl rand -hex 32` prints one"
    )]
    Missing(String),
    /// The variable is there, with nothing in it.
    #[error(
        "the environment variable `{0}` is set, and empty: it is to hold an encryption key, as `openssl rand -hex 32` prints one"
    )]
    Empty(String),
}

/// A value could not be decrypted: it was encrypted with the key of this name, or was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Undecryptable(String);

impl fmt::Display for Undecryptable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a secret parameter cannot be decrypted: it was encrypted with the key `{}`, which is not among those of \
             `Jobs::encryption_keys`, or it was changed",
            self.0
        )
    }
}

impl fmt::Debug for EncryptionKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.0.iter().map(|key| &key.name);
        f.debug_list().entries(names).finish()
    }
}

impl FromStr for EncryptionKeys {
    type Err = InvalidEncryptionKeys;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let keys = text.split(',').zip(1..).map(|(text, number)| {
            let bytes =
                decode_hex(text.trim()).ok_or(InvalidEncryptionKeys::Malformed { number })?;
            Ok(Key::new(&bytes))
        });
        keys.collect::<Result<Vec<_>, _>>()
            .map(|keys| Self(keys.into()))
    }
}

fn decode_hex(text: &str) -> Option<[u8; KEY]> {
    let mut bytes = [0; KEY];
    if text.len() != 2 * KEY || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * index..2 * index + 2], 16).ok()?;
    }
    Some(bytes)
}

impl Key {
    fn new(bytes: &[u8; KEY]) -> Self {
        let digest = Sha256::digest(bytes);
        let name = digest.iter().take(NAME).map(|byte| format!("{byte:02x}"));
        Self {
            name: name.collect(),
            cipher: XChaCha20Poly1305::new(&(*bytes).into()),
            pepper: Sha256::new()
                .chain_update(b"digests of parameters")
                .chain_update(bytes)
                .finalize()
                .into(),
        }
    }
}

impl EncryptionKeys {
    /// The keys in a variable of the environment.
    ///
    /// # Errors
    ///
    /// When it is not set or empty, and when a key is not 64 hexadecimal digits.
    pub fn from_env(variable: &str) -> Result<Self, InvalidEncryptionKeys> {
        match std::env::var(variable) {
            Ok(text) if text.trim().is_empty() => {
                Err(InvalidEncryptionKeys::Empty(variable.to_owned()))
            }
            Ok(text) => text.parse(),
            Err(std::env::VarError::NotPresent) => {
                Err(InvalidEncryptionKeys::Missing(variable.to_owned()))
            }
            // Digits are UTF-8.
            Err(std::env::VarError::NotUnicode(_)) => {
                Err(InvalidEncryptionKeys::Malformed { number: 1 })
            }
        }
    }

    /// The value, encrypted with the first key for use in one context alone, as text: the name of the key, a dot, and the nonce and the
    /// ciphertext in Base64.
    pub(super) fn encrypt(&self, value: &str, context: &str) -> Option<String> {
        let key = self.0.first()?;
        let nonce = XNonce::try_generate().ok()?;
        let payload = Payload {
            msg: value.as_bytes(),
            aad: context.as_bytes(),
        };
        let encrypted = key.cipher.encrypt(&nonce, payload).ok()?;
        let mut bytes = nonce.to_vec();
        bytes.extend(encrypted);
        Some(format!("{}.{}", key.name, BASE64.encode(bytes)))
    }

    /// What [`encrypt`](Self::encrypt) was given.
    pub(super) fn decrypt(&self, text: &str, context: &str) -> Result<String, Undecryptable> {
        let (name, encoded) = text.split_once('.').unwrap_or(("", text));
        let undecryptable = || Undecryptable(name.chars().take(2 * NAME).collect());
        let key = self.0.iter().find(|key| key.name == name);
        let key = key.ok_or_else(undecryptable)?;
        let bytes = BASE64.decode(encoded).map_err(|_| undecryptable())?;
        let (nonce, encrypted) = bytes.split_at_checked(NONCE).ok_or_else(undecryptable)?;
        let nonce = XNonce::try_from(nonce).map_err(|_| undecryptable())?;
        let payload = Payload {
            msg: encrypted,
            aad: context.as_bytes(),
        };
        let value = key.cipher.decrypt(&nonce, payload);
        let value = value.map_err(|_| undecryptable())?;
        String::from_utf8(value).map_err(|_| undecryptable())
    }

    /// What makes digests of parameters useless to whoever has the database alone, of each key.
    pub(super) fn peppers(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(|key| key.pepper.as_slice())
    }
}

/// Without any keys, nothing can be decrypted.
pub(super) fn no_key(text: &str) -> Undecryptable {
    let name = text.split_once('.').map_or("", |(name, _)| name);
    Undecryptable(name.chars().take(2 * NAME).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    const SECOND: &str = "FF0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

    #[test]
    fn what_is_encrypted_is_read_with_its_key_and_in_its_context_alone() {
        let old: EncryptionKeys = FIRST.parse().unwrap();
        let rotated: EncryptionKeys = format!("{SECOND}, {FIRST}").parse().unwrap();
        let new: EncryptionKeys = SECOND.parse().unwrap();
        let text = old.encrypt("\"hunter2\"", "login").unwrap();
        assert!(!text.contains("hunter2"));
        assert_ne!(old.encrypt("\"hunter2\"", "login").unwrap(), text);
        for keys in [&old, &rotated] {
            assert_eq!(keys.decrypt(&text, "login").unwrap(), "\"hunter2\"");
        }
        assert!(old.decrypt(&text, "other").is_err());
        let error = new.decrypt(&text, "login").unwrap_err().to_string();
        let name = text.split_once('.').unwrap().0;
        assert!(error.contains(&format!("the key `{name}`")), "{error}");
        let changed = format!("{}AAAA", &text[..text.len() - 4]);
        assert!(old.decrypt(&changed, "login").is_err());
        for nonsense in ["", ".", "x.y", &format!("{name}.AAAA")] {
            assert!(old.decrypt(nonsense, "login").is_err());
        }
        let peppers =
            |keys: &EncryptionKeys| keys.peppers().map(<[u8]>::to_vec).collect::<Vec<_>>();
        assert_eq!(peppers(&rotated), [peppers(&new), peppers(&old)].concat());
        assert_ne!(peppers(&old), peppers(&new));
    }

    #[test]
    fn a_text_that_holds_no_keys_is_refused_without_being_shown() {
        for (text, number) in [
            ("", 1),
            ("abc", 1),
            (&format!("{FIRST},"), 2),
            (&"é".repeat(32), 1),
            (&"g".repeat(64), 1),
        ] {
            let error = text.parse::<EncryptionKeys>().unwrap_err();
            assert_eq!(error, InvalidEncryptionKeys::Malformed { number });
        }
        let missing = EncryptionKeys::from_env("TASKS_TEST_NO_SUCH_VARIABLE").unwrap_err();
        assert!(
            missing
                .to_string()
                .contains("`TASKS_TEST_NO_SUCH_VARIABLE` is not set")
        );
        let empty = InvalidEncryptionKeys::Empty("KEY".to_owned()).to_string();
        assert!(empty.contains("`KEY` is set, and empty"), "{empty}");
        assert!(!format!("{:?}", FIRST.parse::<EncryptionKeys>()).contains("0001020304"));
    }
}
