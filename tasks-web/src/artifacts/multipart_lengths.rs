//! How long the parts of a form are on the wire, whatever their headers say.

use std::cell::RefCell;
use std::rc::Rc;

use actix_web::web::Bytes;
use futures_util::{Stream, StreamExt as _};

/// How many parts are counted. A form with more fields is refused before.
const PARTS: usize = 1000;

/// The lengths of those parts of a form that have come to their end, in order.
///
/// `actix-multipart` reads as many bytes as the header `Content-Length` of a part says, and passes over what there is beyond them.
#[derive(Clone)]
pub(super) struct PartLengths(Rc<RefCell<Scan>>);

struct Scan {
    delimiter: Vec<u8>,
    place: ScanState,
    /// What was not looked at yet, or may be the begin of a mark.
    rest: Vec<u8>,
    lengths: Vec<u64>,
}

#[derive(Clone, Copy)]
enum ScanState {
    /// Before the first part.
    Preamble,
    /// In the headers of a part.
    Head,
    /// In the content of a part, after this many bytes.
    Content(u64),
}

/// The end of the headers of a part.
const END_OF_HEAD: &[u8] = b"\r\n\r\n";

impl PartLengths {
    pub(super) fn new(boundary: &str) -> Self {
        Self(Rc::new(RefCell::new(Scan {
            delimiter: format!("\r\n--{boundary}").into_bytes(),
            place: ScanState::Preamble,
            // The first delimiter may stand at the very begin.
            rest: b"\r\n".to_vec(),
            lengths: Vec::new(),
        })))
    }

    /// Counts what passes.
    pub(super) fn watch<E>(
        self,
        stream: impl Stream<Item = Result<Bytes, E>>,
    ) -> impl Stream<Item = Result<Bytes, E>> {
        stream.inspect(move |piece| {
            if let Ok(piece) = piece {
                self.0.borrow_mut().feed(piece);
            }
        })
    }

    /// The length of a part, by its index; `None` as long as its end has not come.
    pub(super) fn get(&self, index: usize) -> Option<u64> {
        self.0.borrow().lengths.get(index).copied()
    }
}

impl Scan {
    fn feed(&mut self, piece: &[u8]) {
        if self.lengths.len() >= PARTS {
            return;
        }
        self.rest.extend_from_slice(piece);
        let mut from = 0;
        loop {
            let mark = match self.place {
                ScanState::Head => END_OF_HEAD,
                _ => &self.delimiter,
            };
            let Some(index) = find(&self.rest[from..], mark) else {
                let passed = (self.rest.len() - from).saturating_sub(mark.len() - 1);
                if let ScanState::Content(length) = &mut self.place {
                    *length += passed as u64;
                }
                self.rest.drain(..from + passed);
                return;
            };
            from += index + mark.len();
            self.place = match self.place {
                ScanState::Preamble => ScanState::Head,
                ScanState::Head => ScanState::Content(0),
                ScanState::Content(length) => {
                    self.lengths.push(length + index as u64);
                    ScanState::Head
                }
            };
        }
    }
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

    #[test]
    fn lengths_are_those_on_the_wire_however_it_is_cut() {
        let head = "content-disposition: form-data; name=\"x\"\r\ncontent-length: 3";
        let form = format!(
            "preamble\r\n--b\r\n{head}\r\n\r\nab\r\n-- \r\n\r\r\n--b\r\n{head}\r\n\r\n\r\n--b\r\n\r\nno head\r\n--b--\r\nafter"
        );
        for form in [form.as_str(), form.trim_start_matches("preamble\r\n")] {
            for size in 1..form.len() {
                let lengths = PartLengths::new("b");
                for piece in form.as_bytes().chunks(size) {
                    lengths.0.borrow_mut().feed(piece);
                }
                assert_eq!(lengths.0.borrow().lengths, [10, 0, 7], "{size}");
            }
        }
    }
}
