//! Requests for a part of a file (RFC 9110, section 14).

use std::ops::Range;

/// The part of a file that a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RequestedRange {
    /// All of the file: there is no range, or one that need not be understood, such as several.
    All,
    /// These bytes.
    Part(Range<u64>),
    /// Bytes that the file does not have.
    Beyond,
}

/// Reads the header `Range` for a file of a size.
pub(super) fn read(header: Option<&str>, size: u64) -> RequestedRange {
    let spec = header.and_then(|text| text.trim().strip_prefix("bytes="));
    let Some((first, last)) = spec.and_then(|spec| spec.trim().split_once('-')) else {
        return RequestedRange::All;
    };
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        // A number that is too large is beyond any file.
        digits.then(|| text.parse::<u64>().unwrap_or(u64::MAX))
    };
    match (number(first), number(last)) {
        (None, Some(count)) if first.is_empty() => match count.min(size) {
            0 => RequestedRange::Beyond,
            count => RequestedRange::Part(size - count..size),
        },
        (Some(from), None) if last.is_empty() => part(from, size, size),
        (Some(from), Some(last)) if from <= last => part(from, last.saturating_add(1).min(size), size),
        _ => RequestedRange::All,
    }
}

fn part(from: u64, to: u64, size: u64) -> RequestedRange {
    if from < size {
        RequestedRange::Part(from..to)
    } else {
        RequestedRange::Beyond
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn single_ranges_are_read_and_others_are_ignored() {
        for (header, asked) in [
            ("bytes=0-0", RequestedRange::Part(0..1)),
            ("bytes=2-5", RequestedRange::Part(2..6)),
            ("bytes=2-", RequestedRange::Part(2..10)),
            ("bytes=-3", RequestedRange::Part(7..10)),
            ("bytes=-99", RequestedRange::Part(0..10)),
            ("bytes=8-99999999999999999999999", RequestedRange::Part(8..10)),
            ("bytes=10-", RequestedRange::Beyond),
            ("bytes=99999999999999999999999-", RequestedRange::Beyond),
            ("bytes=-0", RequestedRange::Beyond),
            ("bytes=5-2", RequestedRange::All),
            ("bytes=0-1,3-4", RequestedRange::All),
            ("bytes=-", RequestedRange::All),
            ("bytes=+1-2", RequestedRange::All),
            ("lines=1-2", RequestedRange::All),
            ("", RequestedRange::All),
        ] {
            assert_eq!(read(Some(header), 10), asked, "{header}");
        }
        assert_eq!(read(None, 10), RequestedRange::All);
        assert_eq!(read(Some("bytes=0-"), 0), RequestedRange::Beyond);
    }
}
