//! Looks for patterns in texts, within a bound of time.

use regex_automata::Input;
use regex_automata::hybrid::dfa::Cache;

use super::pattern::Pattern;

/// How many steps are taken with any expression: bytes of the text, times positions of the expression. A step takes 5 to 40 ns.
const MAX_STEPS: usize = 16 * 1024 * 1024;

/// What a search has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Yes,
    No,
    /// It was given up: it would take too long.
    Unknown,
}

/// The searches in one value.
#[derive(Debug)]
pub(super) struct Searches {
    steps: usize,
    /// The states of automata, by where these are in memory.
    states: Vec<(usize, Cache)>,
}

impl Searches {
    pub(super) const fn new() -> Self {
        Self {
            steps: MAX_STEPS,
            states: Vec::new(),
        }
    }

    /// Whether an expression is found in a text.
    pub(super) fn find(&mut self, pattern: &Pattern, text: &str) -> Found {
        let steps = text.len().saturating_mul(pattern.positions);
        if let Some(rest) = self.steps.checked_sub(steps) {
            self.steps = rest;
            return found(pattern.regex.is_match(text));
        }
        self.find_or_stop(pattern, text)
    }

    #[cold]
    fn find_or_stop(&mut self, pattern: &Pattern, text: &str) -> Found {
        let Some(automaton) = pattern.automaton() else {
            return Found::Unknown;
        };
        let key = std::ptr::from_ref(automaton) as usize;
        let known = self.states.iter().position(|(known, _)| *known == key);
        let index = known.unwrap_or_else(|| {
            self.states.push((key, automaton.create_cache()));
            self.states.len() - 1
        });
        let states = &mut self.states[index].1;
        match automaton.try_search_fwd(states, &Input::new(text).earliest(true)) {
            Ok(end) => found(end.is_some()),
            Err(_) => Found::Unknown,
        }
    }
}

fn found(is_found: bool) -> Found {
    if is_found { Found::Yes } else { Found::No }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Pattern {
        Pattern::new(text).unwrap()
    }

    #[test]
    fn expressions_that_people_write_are_taken() {
        for text in [
            r"^[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]+@[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*$",
            r"^[a-z0-9]+(?:-[a-z0-9]+)*$",
            r"^[a-z0-9-]{1,64}$",
            r"^\p{L}{1,100}$",
            r"^[\p{L}\p{N} .,'-]{1,80}$",
            r"^(?:[a-z0-9-]{1,63}\.){1,8}[a-z]{2,63}$",
            r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?Z)?$",
            r"^[0-9a-f]{64}$",
            r"^[A-Za-z0-9_-]{1,1000}$",
        ] {
            pattern(text);
        }
    }

    #[test]
    fn expressions_that_are_slow_are_refused() {
        for text in [
            r"^(\w{1,200}\s?){1,50}$",
            r"^(?:x{1,1000}){1,10}$",
            r"(?:(?:(?:a{99}){99}){99}){99}",
            r"^[\p{L}\p{N}]{1,1000}$",
        ] {
            let error = Pattern::new(text).unwrap_err();
            assert!(error.contains("too large"), "{error}");
            assert!(error.contains("`length(max = …)`"), "{error}");
        }
    }

    #[test]
    fn many_texts_and_long_ones_are_matched() {
        let emails = pattern(
            r"^[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]+@[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*$",
        );
        let mut searches = Searches::new();
        for number in 0..10_000 {
            let text = format!("someone.{number}@mail-{number}.example.com");
            assert_eq!(searches.find(&emails, &text), Found::Yes, "{text}");
            let text = format!("someone.{number}@-mail.example.com");
            assert_eq!(searches.find(&emails, &text), Found::No, "{text}");
        }
        let names = pattern(r"^(?:\p{L}{1,20} ?)*$");
        let text = "Ωmega ".repeat(100_000);
        assert_eq!(Searches::new().find(&names, &text), Found::Yes);
    }

    #[test]
    fn what_takes_too_long_is_given_up() {
        let mut random: u64 = 1;
        let text: String = std::iter::repeat_with(|| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            if random & 1 == 0 { 'a' } else { 'b' }
        })
        .take(2 * 1024 * 1024)
        .collect();
        let slow = pattern("a[ab]{500}[cd]");
        assert_eq!(Searches::new().find(&slow, &text), Found::Unknown);
    }
}
