//! Formats of strings (JSON Schema Validation, section 7.3).

use std::net::{Ipv4Addr, Ipv6Addr};

use super::pattern::is_expression;

/// A format that is enforced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Date,
    DateTime,
    Duration,
    Email,
    Hostname,
    Ipv4,
    Ipv6,
    JsonPointer,
    Regex,
    Time,
    Uri,
    UriReference,
    Uuid,
}

impl Format {
    const ALL: [(&'static str, Self, &'static str); 13] = [
        ("date", Self::Date, "a date like `2026-03-31` (RFC 3339)"),
        (
            "date-time",
            Self::DateTime,
            "a time like `2026-03-31T12:30:00Z` (RFC 3339)",
        ),
        (
            "duration",
            Self::Duration,
            "a duration like `PT15M` (ISO 8601)",
        ),
        ("email", Self::Email, "an e-mail address"),
        ("hostname", Self::Hostname, "a name of a host (RFC 1123)"),
        ("ipv4", Self::Ipv4, "an IPv4 address"),
        ("ipv6", Self::Ipv6, "an IPv6 address"),
        (
            "json-pointer",
            Self::JsonPointer,
            "a JSON Pointer (RFC 6901)",
        ),
        (
            "regex",
            Self::Regex,
            "a regular expression of at most 4,096 bytes",
        ),
        (
            "time",
            Self::Time,
            "a time of day like `12:30:00Z` (RFC 3339)",
        ),
        (
            "uri",
            Self::Uri,
            "a URI like `https://example.com/` (RFC 3986)",
        ),
        (
            "uri-reference",
            Self::UriReference,
            "a URI reference (RFC 3986)",
        ),
        ("uuid", Self::Uuid, "a UUID with hyphens (RFC 9562)"),
    ];

    /// The format of a name, if it is enforced.
    pub(super) fn of(name: &str) -> Option<Self> {
        let mut all = Self::ALL.iter();
        all.find(|(known, ..)| *known == name)
            .map(|(_, format, _)| *format)
    }

    /// What a string of it is, with an article.
    pub(super) fn words(self) -> &'static str {
        let mut all = Self::ALL.iter();
        all.find(|(_, format, _)| *format == self)
            .map_or("", |(.., words)| words)
    }

    /// Whether a text has it.
    pub(super) fn is_of(self, text: &str) -> bool {
        match self {
            Self::Date => is_date(text),
            Self::DateTime => is_date_time(text),
            Self::Duration => is_duration(text),
            Self::Email => is_email(text),
            Self::Hostname => is_hostname(text),
            Self::Ipv4 => text.parse::<Ipv4Addr>().is_ok(),
            Self::Ipv6 => text.parse::<Ipv6Addr>().is_ok(),
            Self::JsonPointer => is_json_pointer(text),
            Self::Regex => text.len() <= MAX_REGEX && is_expression(text),
            Self::Time => is_time(text),
            Self::Uri => fluent_uri::Uri::parse(text).is_ok(),
            Self::UriReference => fluent_uri::UriRef::parse(text).is_ok(),
            Self::Uuid => is_uuid(text),
        }
    }
}

/// An address, and not a name beside it.
const EMAIL: email_address::Options = email_address::Options {
    minimum_sub_domains: 0,
    allow_domain_literal: true,
    allow_display_text: false,
};

/// How long an expression may be that is to be compiled: some take a thousand times as long as they are to read.
const MAX_REGEX: usize = 4096;

/// `Mailbox` (RFC 5321, section 4.1.2): ASCII, at a host or at an address of one.
fn is_email(text: &str) -> bool {
    let is_host =
        |domain: &str| match domain.strip_prefix('[') {
            None => is_hostname(domain),
            Some(literal) => literal.strip_suffix(']').is_some_and(|address| {
                match address.strip_prefix("IPv6:") {
                    Some(address) => address.parse::<Ipv6Addr>().is_ok(),
                    None => address.parse::<Ipv4Addr>().is_ok(),
                }
            }),
        };
    text.is_ascii()
        && email_address::EmailAddress::parse_with_options(text, EMAIL).is_ok()
        && text
            .rsplit_once('@')
            .is_some_and(|(_, domain)| is_host(domain))
}

fn number(text: &str, length: usize) -> Option<u32> {
    if text.len() == length {
        digits(text.as_bytes())
    } else {
        None
    }
}

fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return false;
    }
    let (Some(year), Some(month), Some(day)) = (
        digits(&bytes[..4]),
        digits(&bytes[5..7]),
        digits(&bytes[8..]),
    ) else {
        return false;
    };
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if is_leap => 29,
        2 => 28,
        _ => return false,
    };
    (1..=days).contains(&day)
}

/// The number of a few digits.
fn digits(bytes: &[u8]) -> Option<u32> {
    bytes.iter().try_fold(0, |number, byte| {
        byte.is_ascii_digit()
            .then(|| number * 10 + u32::from(byte - b'0'))
    })
}

fn is_date_time(text: &str) -> bool {
    match text.split_once(['T', 't']) {
        Some((date, time)) => is_date(date) && is_time(time),
        None => false,
    }
}

/// `full-time` (RFC 3339, section 5.6).
fn is_time(text: &str) -> bool {
    let Some(start) = text.find(['Z', 'z', '+', '-']) else {
        return false;
    };
    let (time, zone) = text.split_at(start);
    let (sign, offset) = zone.split_at(1);
    let offset = match (sign, offset) {
        ("Z" | "z", "") => Some(0),
        ("+" | "-", offset) => minutes(offset),
        _ => None,
    };
    let Some(offset) = offset else {
        return false;
    };
    let (whole, fraction) = time.split_once('.').unwrap_or((time, "0"));
    if fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return false;
    }
    let Some((start, second)) = whole.rsplit_once(':') else {
        return false;
    };
    let (Some(minutes), Some(second)) = (minutes(start), number(second, 2)) else {
        return false;
    };
    // A leap second is the last one of a day in UTC.
    let in_utc = if sign == "-" {
        minutes + offset
    } else {
        minutes + 24 * 60 - offset
    } % (24 * 60);
    second < 60 || second == 60 && in_utc == 23 * 60 + 59
}

/// `12:30` in minutes.
fn minutes(text: &str) -> Option<u32> {
    let (hour, minute) = text.split_once(':')?;
    let (hour, minute) = (number(hour, 2)?, number(minute, 2)?);
    (hour < 24 && minute < 60).then_some(hour * 60 + minute)
}

/// `duration` (RFC 3339, appendix A).
fn is_duration(text: &str) -> bool {
    let Some(rest) = text.strip_prefix('P') else {
        return false;
    };
    let (date, time) = match rest.split_once('T') {
        Some((_, "")) => return false,
        Some((date, time)) => (date, time),
        None => (rest, ""),
    };
    if date.is_empty() && time.is_empty() {
        return false;
    }
    let weeks = date.strip_suffix('W').is_some_and(|count| {
        time.is_empty() && !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit())
    });
    weeks || has_units(date, "YMD") && has_units(time, "HMS")
}

/// Numbers, each with one of the units: in their order, and none left out between two.
fn has_units(text: &str, units: &str) -> bool {
    let mut rest = text;
    let mut last = None;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let Some(unit) = rest[digits..].chars().next() else {
            return false;
        };
        let Some(place) = units.find(unit) else {
            return false;
        };
        if digits == 0 || last.is_some_and(|last| place != last + 1) {
            return false;
        }
        last = Some(place);
        rest = &rest[digits + 1..];
    }
    true
}

fn is_hostname(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
            // Names with those have another meaning, of which one is known (RFC 5891, section 4.2.3.1).
            && (label.as_bytes().get(2..4) != Some(b"--") || label.to_ascii_lowercase().starts_with("xn--"))
    };
    text.len() <= 253 && text.split('.').all(is_label)
}

fn is_json_pointer(text: &str) -> bool {
    let escapes_fit = text
        .split('~')
        .skip(1)
        .all(|rest| rest.starts_with(['0', '1']));
    (text.is_empty() || text.starts_with('/')) && escapes_fit
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_takes_what_it_says_and_nothing_else() {
        for (format, yes, no) in [
            (
                "date",
                &["2024-02-29", "0000-12-31"][..],
                &[
                    "2023-02-29",
                    "2024-13-01",
                    "2024-1-01",
                    "20240101",
                    "2024-01-01-01",
                    "",
                ][..],
            ),
            (
                "date-time",
                &[
                    "2026-03-31T12:30:00Z",
                    "2026-03-31t12:30:00.123+05:30",
                    "2016-12-31T23:59:60Z",
                    "2017-01-01T00:59:60+01:00",
                ],
                &[
                    "2026-03-31 12:30:00Z",
                    "2026-03-31T12:30:00",
                    "2026-03-31T24:00:00Z",
                    "2026-03-31T12:30:60Z",
                    "2026-03-31T12:30:00.Z",
                    "2026-03-31T12:30:00+5:30",
                ],
            ),
            (
                "time",
                &["23:59:59Z", "08:30:06.283185Z"],
                &["23:59:59", "24:00:00Z", "1:00:00Z"],
            ),
            (
                "duration",
                &["PT15M", "P1Y2M3DT4H5M6S", "P2W", "P1D", "PT36H", "P1M"],
                &[
                    "P", "PT", "P1", "PD", "P1S", "P1Y1D", "PT1H1S", "P2W1D", "15M", "P1DT", "P-1D",
                ],
            ),
            (
                "email",
                &["ada@example.org", "a+b@localhost", "\"a b\"@example.org"],
                &[
                    "ada",
                    "ada@",
                    "@example.org",
                    "a b@example.org",
                    "Ada <ada@example.org>",
                    ".a@example.org",
                ],
            ),
            (
                "hostname",
                &["example.org", "localhost", "1.2.3", "xn--bcher-kva.example"],
                &["", "-a", "a-", "a..b", "a_b", "bücher.example", "a."],
            ),
            (
                "ipv4",
                &["127.0.0.1"],
                &["127.0.0", "256.0.0.1", "01.2.3.4", "::1"],
            ),
            (
                "ipv6",
                &["::1", "2001:db8::ff00:42:8329"],
                &["1", ":::", "fe80::1%eth0", "127.0.0.1"],
            ),
            ("json-pointer", &["", "/a~1b/~0", "/"], &["a", "/~", "/~2"]),
            ("regex", &["^a+$", r"\d"], &["[", "(?i)a"]),
            (
                "uri",
                &["https://example.org/a?b=c#d", "urn:isbn:1", "mailto:a@b"],
                &["/a", "example.org", "https://a b", "http://[::1", ""],
            ),
            (
                "uri-reference",
                &["/a", "a?b", "", "https://example.org"],
                &["a b", "\\a", "%zz"],
            ),
            (
                "uuid",
                &["2EB8AA08-aa98-11ea-b4aa-73b441d16380"],
                &[
                    "2eb8aa08aa9811eab4aa73b441d16380",
                    "2eb8aa08-aa98-11ea-b4aa-73b441d1638",
                    "{2eb8aa08-aa98-11ea-b4aa-73b441d1638}",
                ],
            ),
        ] {
            let of = Format::of(format).unwrap();
            for text in yes {
                assert!(of.is_of(text), "{format}: {text}");
            }
            for text in no {
                assert!(!of.is_of(text), "{format}: {text}");
            }
        }
    }
}
