//! Walks over the text of an object without making anything of it.

use serde::de::IgnoredAny;

pub(super) struct Scanner<'a> {
    pub(super) text: &'a str,
    pub(super) position: usize,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, position: 0 }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.position).copied()
    }

    pub(super) fn rest(&self) -> &'a str {
        &self.text[self.position..]
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

    /// A whole object. `key` is called where a key is and `member` where its value is; each moves past it.
    pub(super) fn object<K>(
        &mut self,
        key: impl Fn(&mut Self) -> Option<K>,
        mut member: impl FnMut(&mut Self, K) -> Option<()>,
    ) -> Option<()> {
        self.token(b'{')?;
        self.white_space();
        if self.peek()? == b'}' {
            self.position += 1;
            return Some(());
        }
        loop {
            self.white_space();
            let key = key(self)?;
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

    /// A whole array. `element` is called where each value is, and moves past it.
    pub(super) fn array(&mut self, mut element: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.token(b'[')?;
        self.white_space();
        if self.peek()? == b']' {
            self.position += 1;
            return Some(());
        }
        loop {
            self.white_space();
            element(self)?;
            self.white_space();
            match self.peek()? {
                b',' => self.position += 1,
                b']' => {
                    self.position += 1;
                    return Some(());
                }
                _ => return None,
            }
        }
    }

    /// A key without escapes.
    pub(super) fn plain_key(&mut self) -> Option<&'a str> {
        if self.peek()? != b'"' {
            return None;
        }
        let start = self.position + 1;
        let rest = self.text.as_bytes().get(start..)?;
        let is_special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..=0x1f);
        let length = rest.iter().position(is_special)?;
        if rest.get(length) != Some(&b'"') {
            return None;
        }
        let end = start + length;
        self.position = end + 1;
        Some(&self.text[start..end])
    }

    /// A value that is not looked into.
    pub(super) fn skip_value(&mut self) -> Option<()> {
        // The common kind of string, without the cost of a decoder.
        if self.plain_key().is_some() {
            return Some(());
        }
        let mut values = serde_json::Deserializer::from_str(self.rest()).into_iter::<IgnoredAny>();
        values.next()?.ok()?;
        self.position += values.byte_offset();
        Some(())
    }

    pub(super) fn end(&mut self) -> Option<()> {
        self.white_space();
        self.peek().is_none().then_some(())
    }
}
