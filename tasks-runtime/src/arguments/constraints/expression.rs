//! What it takes to look for an expression of the crate `regex`.

use regex_automata::hybrid::dfa::{Config, DFA};
use regex_syntax::hir::{Hir, HirKind};

/// How many positions an expression may have.
pub(super) const MAX_POSITIONS: usize = 1000;

/// How many bytes have to be read, on average, for each state that is made after that. An expression that has a new state for
/// almost every byte takes time for each of its positions.
const MIN_BYTES_PER_STATE: usize = 50;

/// Memory for states, in bytes.
const STATES: usize = 1024 * 1024;

/// How many characters an expression has once its repetitions are written out, each class being one: the time for each byte of a text
/// is in proportion to that, at worst.
pub(super) fn positions(expression: &str) -> Result<usize, regex_syntax::Error> {
    fn of(hir: &Hir) -> usize {
        match hir.kind() {
            HirKind::Empty | HirKind::Look(_) => 0,
            HirKind::Literal(text) => text.0.len(),
            HirKind::Class(_) => 1,
            HirKind::Capture(group) => of(&group.sub),
            HirKind::Repetition(repeated) => {
                let times = repeated.max.unwrap_or(repeated.min).max(1);
                of(&repeated.sub).saturating_mul(usize::try_from(times).unwrap_or(usize::MAX))
            }
            HirKind::Concat(parts) | HirKind::Alternation(parts) => parts
                .iter()
                .fold(0, |sum: usize, part| sum.saturating_add(of(part))),
        }
    }
    regex_syntax::parse(expression).map(|hir| of(&hir))
}

/// The automaton of an expression that stops where it is slow.
pub(super) fn automaton(expression: &str) -> Option<Box<DFA>> {
    let config = Config::new()
        .cache_capacity(STATES)
        .skip_cache_capacity_check(true)
        .minimum_cache_clear_count(Some(0))
        .minimum_bytes_per_state(Some(MIN_BYTES_PER_STATE));
    DFA::builder()
        .configure(config)
        .build(expression)
        .ok()
        .map(Box::new)
}
