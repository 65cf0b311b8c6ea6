//! The common spelling, in one pass.
//!
//! Objects and keys are walked here; values are left to `serde_json`, which starts at a byte offset and says where it
//! stopped. So every parameter is decoded into its own type by code that all tasks share, and `params` is known as a
//! span of the body. Whatever is unusual, right or wrong, makes this give up: it must accept nothing that a JSON parser
//! would refuse, and never has to explain anything.

use serde::de::IgnoredAny;

use super::{AnyPlaces, Declared, Echo, Input};

pub(super) fn read<'a>(
    input: Input<'a>,
    parameters: &[Declared],
    places: &mut dyn AnyPlaces,
) -> Option<Echo<'a>> {
    let mut filler = Filler {
        parameters,
        places,
        next: 0,
        secrets: Vec::new(),
    };
    let text = match input {
        Input::Body(body) => {
            let body = std::str::from_utf8(body).ok()?;
            let mut scanner = Scanner {
                text: body,
                position: 0,
            };
            let mut params = None;
            scanner.object(|scanner, key| {
                if key != "params" {
                    return scanner.skip_value();
                }
                if params.is_some() {
                    return None;
                }
                let start = scanner.position;
                scanner.object(|scanner, key| filler.fill(scanner, key))?;
                filler.rebase(start);
                params = Some(&body[start..scanner.position]);
                Some(())
            })?;
            scanner.end()?;
            params.unwrap_or("")
        }
        Input::Params(params) => {
            let mut scanner = Scanner {
                text: params,
                position: 0,
            };
            scanner.object(|scanner, key| filler.fill(scanner, key))?;
            scanner.end()?;
            params
        }
    };
    let secrets = filler.finish()?;
    Some(Echo { text, secrets })
}

struct Filler<'p> {
    parameters: &'p [Declared],
    places: &'p mut dyn AnyPlaces,
    /// The parameter expected next: clients tend to send them in order.
    next: usize,
    secrets: Vec<std::ops::Range<usize>>,
}

impl Filler<'_> {
    fn fill(&mut self, scanner: &mut Scanner<'_>, key: &str) -> Option<()> {
        let index = match self.parameters.get(self.next) {
            Some(parameter) if parameter.name == key => self.next,
            _ => self
                .parameters
                .iter()
                .position(|parameter| parameter.name == key)?,
        };
        self.next = index + 1;
        let place = self.places.at(index);
        if place.is_filled() {
            return None;
        }
        let start = scanner.position;
        scanner.position += place.read(&scanner.text[start..])?;
        if self.parameters[index].secret {
            self.secrets.push(start..scanner.position);
        }
        Some(())
    }

    /// Makes the spans of secrets count from where `params` starts.
    fn rebase(&mut self, start: usize) {
        for secret in &mut self.secrets {
            *secret = secret.start - start..secret.end - start;
        }
    }

    fn finish(self) -> Option<Vec<std::ops::Range<usize>>> {
        for (index, parameter) in self.parameters.iter().enumerate() {
            let place = self.places.at(index);
            if !place.is_filled() && !parameter.injected && !place.absent() {
                return None;
            }
        }
        Some(self.secrets)
    }
}

struct Scanner<'a> {
    text: &'a str,
    position: usize,
}

impl<'a> Scanner<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.position).copied()
    }

    fn white_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.position += 1;
        }
    }

    fn token(&mut self, token: u8) -> Option<()> {
        self.white_space();
        (self.peek()? == token).then(|| self.position += 1)
    }

    /// A whole object; `member` is called at each value and moves past it.
    fn object(&mut self, mut member: impl FnMut(&mut Self, &'a str) -> Option<()>) -> Option<()> {
        self.token(b'{')?;
        self.white_space();
        if self.peek()? == b'}' {
            self.position += 1;
            return Some(());
        }
        loop {
            let key = self.key()?;
            self.token(b':')?;
            self.white_space();
            member(self, key)?;
            self.white_space();
            match self.peek()? {
                b',' => self.position += 1,
                b'}' => {
                    self.position += 1;
                    return Some(());
                }
                _ => return None,
            }
        }
    }

    /// A key without escapes.
    fn key(&mut self) -> Option<&'a str> {
        self.token(b'"')?;
        let start = self.position;
        loop {
            match self.peek()? {
                b'"' => break,
                b'\\' | 0..=0x1f => return None,
                _ => self.position += 1,
            }
        }
        let key = &self.text[start..self.position];
        self.position += 1;
        Some(key)
    }

    fn skip_value(&mut self) -> Option<()> {
        let mut values = serde_json::Deserializer::from_str(&self.text[self.position..])
            .into_iter::<IgnoredAny>();
        values.next()?.ok()?;
        self.position += values.byte_offset();
        Some(())
    }

    fn end(&mut self) -> Option<()> {
        self.white_space();
        self.peek().is_none().then_some(())
    }
}
