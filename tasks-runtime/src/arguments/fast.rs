//! The common spelling, in one pass.
//!
//! Objects and keys are walked here; values are left to `serde_json`, which starts at a byte offset and says where it
//! stopped. So every parameter is decoded into its own type by code that all tasks share, and `params` is known as a
//! span of the body. Whatever is unusual, right or wrong, makes this give up: it must accept nothing that a JSON parser
//! would refuse, and never has to explain anything.

use serde::de::IgnoredAny;

use super::scanner::Scanner;
use super::{AnyArgCells, Echo, Input, RegisteredParameter, depth, is_mask};

pub(super) fn read<'a>(
    input: Input<'a>,
    parameters: &[RegisteredParameter],
    cells: &mut dyn AnyArgCells,
) -> Option<Echo<'a>> {
    let mut filler = Filler {
        parameters,
        cells,
        next: 0,
        secrets: Vec::new(),
    };
    let text = match input {
        Input::Body(body) | Input::OnlyParams(body) => {
            let body = std::str::from_utf8(body).ok()?;
            let mut scanner = Scanner::new(body);
            let mut params = None;
            scanner.object(Scanner::plain_key, |scanner, key| {
                if key != "params" {
                    return match input {
                        Input::OnlyParams(_) => None,
                        _ => scanner.skip_value(),
                    };
                }
                if params.is_some() {
                    return None;
                }
                let start = scanner.position;
                scanner.object(Scanner::plain_key, |scanner, key| filler.fill(scanner, key))?;
                filler.rebase(start);
                params = Some(&body[start..scanner.position]);
                Some(())
            })?;
            scanner.end()?;
            params.unwrap_or("")
        }
        Input::Params(params) => {
            let mut scanner = Scanner::new(params);
            scanner.object(Scanner::plain_key, |scanner, key| filler.fill(scanner, key))?;
            scanner.end()?;
            params
        }
    };
    let secrets = filler.finish()?;
    if !is_json(text, parameters) || depth::is_suspicious(text, parameters) {
        return None;
    }
    Some(Echo { text, secrets })
}

/// Whether what was read is JSON also where a type reads bytes, which it is given as they are, with control characters that
/// JSON does not allow in strings. Outside of strings some are white space, so a text that has any is read once more.
fn is_json(text: &str, parameters: &[RegisteredParameter]) -> bool {
    if !parameters.iter().any(|parameter| parameter.may_read_bytes) {
        return true;
    }
    // The smallest byte is found with wide instructions, without looking at each.
    let smallest = text.bytes().fold(u8::MAX, u8::min);
    smallest >= b' ' || serde_json::from_str::<IgnoredAny>(text).is_ok()
}

struct Filler<'p> {
    parameters: &'p [RegisteredParameter],
    cells: &'p mut dyn AnyArgCells,
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
        let cell = self.cells.at(index);
        if cell.is_filled() {
            return None;
        }
        let start = scanner.position;
        scanner.position += cell.read(scanner.rest())?;
        let parameter = &self.parameters[index];
        if parameter.is_plain() {
            return Some(());
        }
        self.look(parameter, scanner.text, start..scanner.position)
    }

    /// Gives up at what was read and is not to be taken, and remembers where a secret is. Apart from the code that reads parameters of which
    /// nothing is asked.
    #[inline(never)]
    fn look(
        &mut self,
        parameter: &RegisteredParameter,
        text: &str,
        span: std::ops::Range<usize>,
    ) -> Option<()> {
        let value = text.get(span.start..span.end)?;
        if !parameter.takes(value) {
            return None;
        }
        if parameter.secret {
            if is_mask(value) {
                return None;
            }
            self.secrets.push(span);
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
            let cell = self.cells.at(index);
            if !cell.is_filled() && !parameter.injected && !cell.absent() {
                return None;
            }
        }
        Some(self.secrets)
    }
}
