//! Which bytes of a download are wanted (RFC 9110, section 14).

use std::ops::Range;

/// What a `Range` header asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum RequestedRange {
    /// All: there is no such header, or one that a server may ignore.
    Everything,
    Part(Range<u64>),
    /// Nothing of it is there.
    Unsatisfiable,
}

/// Reads a header for content of a size. More than one range is answered by everything, as a server may.
pub(super) fn requested_range(header: Option<&str>, size: u64) -> RequestedRange {
    let Some(ranges) = header.and_then(|text| text.trim().strip_prefix("bytes=")) else {
        return RequestedRange::Everything;
    };
    let Some((first, last)) = ranges.trim().split_once('-') else {
        return RequestedRange::Everything;
    };
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        // More digits than a number has are more bytes than there are.
        digits.then(|| text.parse::<u64>().unwrap_or(u64::MAX))
    };
    let range = match (first, last) {
        ("", last) => match number(last) {
            Some(count) => size.saturating_sub(count)..size,
            None => return RequestedRange::Everything,
        },
        (first, "") => match number(first) {
            Some(first) => first..size,
            None => return RequestedRange::Everything,
        },
        (first, last) => match (number(first), number(last)) {
            (Some(first), Some(last)) if first <= last => first..last.saturating_add(1).min(size),
            _ => return RequestedRange::Everything,
        },
    };
    if range.start >= range.end {
        return RequestedRange::Unsatisfiable;
    }
    RequestedRange::Part(range)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_of_a_range() {
        let of = |text| requested_range(Some(text), 10);
        assert_eq!(of("bytes=0-3"), RequestedRange::Part(0..4));
        assert_eq!(of("bytes=4-"), RequestedRange::Part(4..10));
        assert_eq!(of("bytes=-3"), RequestedRange::Part(7..10));
        assert_eq!(of("bytes=-30"), RequestedRange::Part(0..10));
        assert_eq!(
            of("bytes=8-99999999999999999999999"),
            RequestedRange::Part(8..10)
        );
        for none in [
            "bytes=10-",
            "bytes=10-11",
            "bytes=-0",
            "bytes=99999999999999999999999-",
        ] {
            assert_eq!(of(none), RequestedRange::Unsatisfiable, "{none}");
        }
        for ignored in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=a-b",
            "bytes=3-2",
            "bytes=0-1,3-4",
            "lines=0-1",
        ] {
            assert_eq!(of(ignored), RequestedRange::Everything, "{ignored}");
        }
        assert_eq!(requested_range(None, 10), RequestedRange::Everything);
        assert_eq!(
            requested_range(Some("bytes=0-"), 0),
            RequestedRange::Unsatisfiable
        );
    }
}
