//! The names of schemas: types of one name are told apart by where they are from.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::generator_names::plain;
use super::references::each_reference;
use super::type_origin::{Origin, TypePath};

/// A type may look different when it is read and when it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Direction {
    Input,
    Output,
}

/// What one parameter or one result refers to.
pub(super) struct SchemaUse {
    pub(super) direction: Direction,
    pub(super) origin: Origin,
    pub(super) definitions: Map<String, Value>,
    /// What tells a type from another: how it looks in both directions.
    pub(super) looks: HashMap<String, Looks>,
}

/// How a type looks when it is read and when it is written, with all that it refers to; as far as that is known.
pub(super) type Looks = [Option<Look>; 2];
pub(super) type Look = [u8; 32];

/// One type in one part.
struct Use<'a> {
    /// `None` where it is the service's own.
    part: Option<usize>,
    direction: Direction,
    looks: Looks,
    origin: Option<&'a Origin>,
}

/// Uses of what looks the same.
struct Variant<'a> {
    looks: Looks,
    uses: Vec<Use<'a>>,
}

/// Which name a schema has in the document: by its part, its direction and its name there.
pub(super) type Names = HashMap<(Option<usize>, Direction, String), String>;

impl Direction {
    pub(super) fn other(self) -> Self {
        match self {
            Self::Input => Self::Output,
            Self::Output => Self::Input,
        }
    }
}

/// Decides the name of each schema, from what they look like and where they are from: not from the order of the tasks.
pub(super) fn names(own: &[Map<String, Value>; 2], parts: &[SchemaUse]) -> Names {
    let mut by_name: BTreeMap<&str, Vec<Use<'_>>> = BTreeMap::new();
    let own_looks = own.each_ref().map(looks);
    for (direction, definitions) in [Direction::Input, Direction::Output].into_iter().zip(own) {
        for name in definitions.keys() {
            by_name.entry(name).or_default().push(Use {
                part: None,
                direction,
                looks: own_looks.each_ref().map(|looks| looks.get(name).copied()),
                origin: None,
            });
        }
    }
    for (number, part) in parts.iter().enumerate() {
        for name in part.definitions.keys() {
            by_name.entry(name).or_default().push(Use {
                part: Some(number),
                direction: part.direction,
                looks: part.looks.get(name).copied().unwrap_or_default(),
                origin: Some(&part.origin),
            });
        }
    }
    let mut decided: Vec<(String, &str, Variant<'_>)> = Vec::new();
    let mut taken = HashSet::new();
    let mut clashing = Vec::new();
    let mut generic = Vec::new();
    for (name, uses) in by_name {
        let mut variants = variants(uses);
        // A generic type is called by what it is of, also if there is one of it alone: another one changes nothing then.
        let bases: Vec<Option<String>> =
            variants.iter().map(|variant| variant.base(name)).collect();
        for (index, base) in bases.iter().enumerate().rev() {
            let is_unique = bases.iter().filter(|other| *other == base).count() == 1;
            if let Some(base) = base.as_ref().filter(|_| is_unique) {
                generic.push((base.clone(), name, variants.remove(index)));
            }
        }
        if variants.len() == 1 || variants.iter().any(Variant::is_own) {
            // The service's own types are referred to by their names.
            let keeps = variants.iter().position(Variant::is_own).unwrap_or(0);
            taken.insert(plain(name));
            decided.push((name.to_owned(), name, variants.remove(keeps)));
        }
        if !variants.is_empty() {
            clashing.push((name, variants));
        }
    }
    for (base, name, variant) in generic {
        if taken.insert(plain(&base)) {
            decided.push((base, name, variant));
        } else {
            clashing.push((name, vec![variant]));
        }
    }
    for (name, variants) in clashing {
        let qualified = qualify(name, &variants, &taken);
        taken.extend(qualified.iter().map(|name| plain(name)));
        let variants = variants.into_iter();
        decided.extend(
            qualified
                .into_iter()
                .zip(variants)
                .map(|(q, v)| (q, name, v)),
        );
    }
    let mut names = Names::new();
    for (full, name, variant) in decided {
        let is_used = |direction| variant.uses.iter().any(|used| used.direction == direction);
        let differ = matches!(variant.looks, [Some(input), Some(output)] if input != output);
        let twofold = differ && is_used(Direction::Input) && is_used(Direction::Output);
        let mut output = full.clone();
        while twofold && (output == full || !taken.insert(plain(&output))) {
            output.push_str(if output == full { "Output" } else { "_" });
        }
        for used in variant.uses {
            let chosen = match used.direction {
                Direction::Input => &full,
                Direction::Output => &output,
            };
            names.insert((used.part, used.direction, name.to_owned()), chosen.clone());
        }
    }
    names
}

/// The uses of one name, by what they look like.
fn variants(mut uses: Vec<Use<'_>>) -> Vec<Variant<'_>> {
    uses.sort_by(|a, b| {
        let key = |used: &Use<'_>| (used.part.is_some(), used.looks, used.direction);
        key(a).cmp(&key(b)).then_with(|| a.origin.cmp(&b.origin))
    });
    let mut variants: Vec<Variant<'_>> = Vec::new();
    for used in uses {
        let same = |known: &[Option<Look>; 2]| {
            known
                .iter()
                .zip(&used.looks)
                .all(|(known, look)| known.is_none() || look.is_none() || known == look)
        };
        match variants.iter_mut().find(|variant| same(&variant.looks)) {
            Some(variant) => {
                for (known, look) in variant.looks.iter_mut().zip(used.looks) {
                    *known = known.or(look);
                }
                variant.uses.push(used);
            }
            None => variants.push(Variant {
                looks: used.looks,
                uses: vec![used],
            }),
        }
    }
    variants
}

impl Variant<'_> {
    fn is_own(&self) -> bool {
        self.uses.iter().any(|used| used.part.is_none())
    }

    /// Where it is from, as far as that is known best.
    fn place(&self, name: &str) -> Option<TypePath> {
        let origins: BTreeSet<&Origin> = self.uses.iter().filter_map(|used| used.origin).collect();
        let places: Vec<TypePath> = origins.iter().map(|origin| origin.place_of(name)).collect();
        let of: BTreeSet<_> = places
            .iter()
            .filter(|place| place.is_generic())
            .filter_map(|place| place.names(name).into_iter().next())
            .collect();
        let best = places.iter().min()?.clone();
        // It looks the same whatever it is of.
        Some(if of.len() > 1 { best.plain() } else { best })
    }

    /// The name of a generic type, with what it is of.
    fn base(&self, name: &str) -> Option<String> {
        let place = self.place(name).filter(TypePath::is_generic)?;
        place.names(name).into_iter().next()
    }

    /// Names that say more and more of where it is from.
    fn candidates(&self, name: &str) -> Vec<String> {
        let place = self.place(name);
        place.map(|place| place.names(name)).unwrap_or_default()
    }
}

/// A name for each of several types of one name: each says as much of where its type is from as it takes to tell them apart.
fn qualify(name: &str, variants: &[Variant<'_>], taken: &HashSet<String>) -> Vec<String> {
    let candidates: Vec<Vec<String>> = variants
        .iter()
        .map(|variant| variant.candidates(name))
        .collect();
    let most = candidates.iter().map(Vec::len).max().unwrap_or(0);
    for level in 0..most {
        let chosen: Vec<&String> = candidates
            .iter()
            .filter_map(|names| names.get(level).or_else(|| names.last()))
            .collect();
        let words: HashSet<String> = chosen.iter().map(|name| plain(name)).collect();
        if words.len() == variants.len() && words.is_disjoint(taken) {
            return chosen.into_iter().cloned().collect();
        }
    }
    // Types that nothing tells apart but what they look like, which is what they are sorted by.
    let mut number = 1;
    let mut next = |first: &String| loop {
        let candidate = format!("{first}.{number}");
        number += 1;
        if !taken.contains(&plain(&candidate)) {
            return candidate;
        }
    };
    let plain_name = name.to_owned();
    candidates
        .iter()
        .map(|names| next(names.last().unwrap_or(&plain_name)))
        .collect()
}

/// What each definition looks like, with all that it refers to.
pub(super) fn looks(definitions: &Map<String, Value>) -> HashMap<String, Look> {
    let own: HashMap<&str, (Look, BTreeSet<&str>)> = definitions
        .iter()
        .map(|(name, schema)| {
            let mut references = BTreeSet::new();
            each_reference(schema, &mut |name| {
                references.insert(name);
            });
            let look = Sha256::digest(schema.to_string()).into();
            (name.as_str(), (look, references))
        })
        .collect();
    definitions
        .keys()
        .map(|name| {
            let mut reached = BTreeSet::from([name.as_str()]);
            let mut left = vec![name.as_str()];
            while let Some(next) = left.pop() {
                let references = own.get(next).into_iter().flat_map(|(_, names)| names);
                left.extend(references.copied().filter(|name| reached.insert(name)));
            }
            let mut hash = Sha256::new();
            hash.update(name);
            for name in reached {
                let look = own.get(name).map(|(look, _)| *look).unwrap_or_default();
                hash.update([0]);
                hash.update(name);
                hash.update(look);
            }
            (name.clone(), hash.finalize().into())
        })
        .collect()
}
