//! What a form has on the wire, whatever its headers say: how long its parts are, and text that is in none of them.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use actix_web::error::PayloadError;
use actix_web::web::{Bytes, Payload};
use futures_util::{Stream, StreamExt as _};

/// How many parts are counted. A form with more fields is refused before.
const PARTS: usize = 1000;
/// How many bytes of white space there may be behind the last boundary.
const MAX_EPILOGUE: usize = 1024;

/// The body of a form, which is looked at as it passes. `actix-multipart` reads as many bytes as the header `Content-Length` of a part says, and
/// passes over what there is beyond them, before the first boundary, and after the last.
#[derive(Clone)]
pub(super) struct FormScan {
    payload: Rc<RefCell<Payload>>,
    scan: Rc<RefCell<Scan>>,
    /// Text that is in no part.
    outside: Rc<Cell<Option<Outside>>>,
}

/// Where a form has text that is in no part. RFC 2046, section 5.1.1, has readers ignore it, so that it would be lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outside {
    BeforeTheFirstBoundary,
    AfterTheLastBoundary,
}

struct Scan {
    delimiter: Vec<u8>,
    place: ScanState,
    /// What was not looked at yet, or may be the begin of a mark.
    rest: Vec<u8>,
    /// Lengths of the parts that have come to their end, in order.
    lengths: Vec<u64>,
}

#[derive(Clone, Copy)]
enum ScanState {
    /// Before the first part.
    Preamble,
    /// Behind a delimiter: a part follows, or the form ends.
    Delimiter,
    /// In the headers of a part.
    Head,
    /// In the content of a part, after this many bytes.
    Content(u64),
    /// Behind the last delimiter, after this many bytes.
    Epilogue(usize),
}

/// The end of the headers of a part.
const END_OF_HEAD: &[u8] = b"\r\n\r\n";
/// What the last delimiter ends with.
const LAST: &[u8] = b"--";

impl FormScan {
    pub(super) fn new(payload: Payload, boundary: &str) -> Self {
        Self {
            payload: Rc::new(RefCell::new(payload)),
            scan: Rc::new(RefCell::new(Scan::new(boundary))),
            outside: Rc::default(),
        }
    }

    /// The length of a part, by its index; `None` as long as its end has not come.
    pub(super) fn length(&self, index: usize) -> Option<u64> {
        self.scan.borrow().lengths.get(index).copied()
    }

    /// Where there is text that is in no part, if some has come.
    pub(super) fn outside(&self) -> Option<Outside> {
        self.outside.get()
    }
}

impl Stream for FormScan {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = self.payload.borrow_mut().poll_next_unpin(cx);
        if let Poll::Ready(Some(Ok(piece))) = &next
            && let Some(outside) = self.scan.borrow_mut().feed(piece)
        {
            self.outside.set(self.outside.get().or(Some(outside)));
        }
        next
    }
}

impl Scan {
    fn new(boundary: &str) -> Self {
        Self {
            delimiter: format!("\r\n--{boundary}").into_bytes(),
            place: ScanState::Preamble,
            // The first delimiter may stand at the very begin.
            rest: b"\r\n".to_vec(),
            lengths: Vec::new(),
        }
    }

    /// Takes what comes next. Says where it has text that is in no part.
    fn feed(&mut self, piece: &[u8]) -> Option<Outside> {
        if self.lengths.len() >= PARTS {
            return None;
        }
        self.rest.extend_from_slice(piece);
        let mut outside = None;
        let mut from = 0;
        loop {
            let left = &self.rest[from..];
            let mark = match &mut self.place {
                ScanState::Preamble | ScanState::Content(_) => &self.delimiter,
                ScanState::Head => END_OF_HEAD,
                ScanState::Delimiter if left.len() < LAST.len() => {
                    self.rest.drain(..from);
                    return outside;
                }
                ScanState::Delimiter => {
                    self.place = if left.starts_with(LAST) {
                        from += LAST.len();
                        ScanState::Epilogue(0)
                    } else {
                        ScanState::Head
                    };
                    continue;
                }
                ScanState::Epilogue(length) => {
                    *length += left.len();
                    if *length > MAX_EPILOGUE || !is_blank(left) {
                        outside = outside.or(Some(Outside::AfterTheLastBoundary));
                    }
                    self.rest.clear();
                    return outside;
                }
            };
            let found = find(left, mark);
            let passed = found.unwrap_or_else(|| left.len().saturating_sub(mark.len() - 1));
            if matches!(self.place, ScanState::Preamble) && !is_blank(&left[..passed]) {
                outside = Some(Outside::BeforeTheFirstBoundary);
            }
            let Some(index) = found else {
                if let ScanState::Content(length) = &mut self.place {
                    *length += passed as u64;
                }
                self.rest.drain(..from + passed);
                return outside;
            };
            from += index + mark.len();
            self.place = match self.place {
                ScanState::Head => ScanState::Content(0),
                ScanState::Content(length) => {
                    self.lengths.push(length + index as u64);
                    ScanState::Delimiter
                }
                _ => ScanState::Delimiter,
            };
        }
    }
}

fn is_blank(text: &[u8]) -> bool {
    text.iter().all(u8::is_ascii_whitespace)
}

fn find(text: &[u8], mark: &[u8]) -> Option<usize> {
    let mut from = 0;
    loop {
        // Both marks begin with it, and are rare.
        from += text[from..].iter().position(|byte| *byte == b'\r')?;
        if text[from..].starts_with(mark) {
            return Some(from);
        }
        from += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is found when a form comes in pieces of this size.
    fn scan(form: &str, size: usize) -> (Vec<u64>, Option<Outside>) {
        let mut scan = Scan::new("b");
        let mut outside = None;
        for piece in form.as_bytes().chunks(size) {
            outside = outside.or(scan.feed(piece));
        }
        (scan.lengths, outside)
    }

    #[test]
    fn a_form_is_what_it_is_on_the_wire_however_it_is_cut() {
        let head = "content-disposition: form-data; name=\"x\"\r\ncontent-length: 3";
        let parts = format!(
            "--b\r\n{head}\r\n\r\nab\r\n-- \r\n\r\r\n--b\r\n{head}\r\n\r\n\r\n--b\r\n\r\nno head\r\n--b--"
        );
        let (before, after) = (
            Some(Outside::BeforeTheFirstBoundary),
            Some(Outside::AfterTheLastBoundary),
        );
        for (form, expected) in [
            (parts.clone(), None),
            (format!("{parts}\r\n"), None),
            (format!("\r\n \r\n{parts}\r\n\t\r\n"), None),
            (format!("preamble\r\n{parts}\r\n"), before),
            (format!("preamble\r\n{parts}\r\nepilogue"), before),
            (format!("{parts}x"), after),
            (format!("{parts}\r\nepilogue"), after),
            (format!("{parts}\r\n{parts}"), after),
            (format!("{parts}{}", " ".repeat(MAX_EPILOGUE)), None),
            (format!("{parts}{}", " ".repeat(MAX_EPILOGUE + 1)), after),
        ] {
            for size in 1..form.len() {
                let found = scan(&form, size);
                assert_eq!(found, (vec![10, 0, 7], expected), "{form:?} by {size}");
            }
        }
    }
}
