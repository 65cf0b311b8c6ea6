//! Finds the code of an error, whatever it is wrapped in.

#![allow(
    missing_docs,
    missing_debug_implementations,
    reason = "for generated code, which is not written by hand"
)]

#[cfg(feature = "database")]
use std::any::Any;
use std::any::TypeId;
use std::borrow::Cow;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::causes::MAX_CAUSES;
use super::framework_code::FrameworkCode;
use super::{FailureCode, FailureCodes, Permanent};

/// Makes an error known that implements [`FailureCodes`](crate::FailureCodes) by hand. The derive does that itself.
///
/// For a type with parameters: once for each of the types that tasks return.
#[macro_export]
macro_rules! failure_codes {
    ($error:ty) => {
        $crate::__private::inventory::submit! {
            $crate::__private::CodedError::of::<$error>()
        }
    };
}

/// An error type whose failures have codes.
pub struct CodedError {
    /// Of the type, and of a box and an `Arc` of it.
    ids: fn() -> [TypeId; 3],
    codes: &'static [FailureCode],
    read: ReadCode,
    #[cfg(feature = "anyhow")]
    in_anyhow: for<'a> fn(&'a anyhow::Error) -> Option<&'a (dyn Error + 'static)>,
    #[cfg(feature = "database")]
    in_any: for<'a> fn(&'a dyn Any) -> Option<&'a (dyn Error + 'static)>,
}

type ReadCode = for<'a> fn(&'a (dyn Error + 'static)) -> Option<Reading<'a>>;

/// What an error of a known type says.
pub(crate) enum Reading<'a> {
    Coded(Coded),
    /// What the failure of another task had.
    Failed(Option<Coded>, bool),
    /// Ask this one instead.
    Wraps(&'a (dyn Error + 'static)),
    /// Ask its causes.
    Nothing,
}

/// What the code of an error says; the default is that of an error without one.
#[derive(Default)]
pub(crate) struct Coded {
    pub(crate) code: Option<Cow<'static, str>>,
    pub(crate) permanent: bool,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) status: Option<u16>,
    pub(crate) details: Option<Value>,
}

impl Coded {
    /// A code alone, where it is one of an application's: a panic or a timeout of another task is not one of the task that called it.
    pub(crate) fn passed_on(code: Option<&str>) -> Option<Self> {
        let code = code.filter(|code| !FrameworkCode::names(code))?;
        Some(Self {
            code: Some(code.to_owned().into()),
            ..Self::default()
        })
    }

    fn new(code: FailureCode, details: Option<Value>) -> Self {
        Self {
            code: Some(code.code().into()),
            permanent: code.is_permanent(),
            retry_after: code.retry_after(),
            status: code.status(),
            details,
        }
    }
}

inventory::collect!(CodedError);

impl CodedError {
    #[must_use]
    pub const fn of<E: FailureCodes>() -> Self {
        Self {
            ids: || {
                [
                    TypeId::of::<E>(),
                    TypeId::of::<Box<E>>(),
                    TypeId::of::<Arc<E>>(),
                ]
            },
            codes: E::CODES,
            read: |error| {
                let error = pointee::<E>(error)?;
                Some(match (error.transparent(), error.failure_code()) {
                    (Some(inner), _) => Reading::Wraps(inner),
                    (None, Some(code)) => Reading::Coded(Coded::new(code, error.details())),
                    (None, None) => Reading::Nothing,
                })
            },
            #[cfg(feature = "anyhow")]
            in_anyhow: |error| Some(error.downcast_ref::<E>()?),
            #[cfg(feature = "database")]
            in_any: |error| {
                let boxed = || error.downcast_ref::<Box<E>>().map(AsRef::as_ref);
                let shared = || error.downcast_ref::<Arc<E>>().map(AsRef::as_ref);
                let found = error.downcast_ref::<E>().or_else(boxed).or_else(shared)?;
                Some(found)
            },
        }
    }

    /// An error that tells how another task has failed: the code that this had, if any, and whether another attempt would fail as well.
    pub(crate) const fn of_failures<E: Error + 'static>(read: ReadCode) -> Self {
        Self {
            ids: || [TypeId::of::<E>(); 3],
            codes: &[],
            read,
            #[cfg(feature = "anyhow")]
            in_anyhow: |_| None,
            #[cfg(feature = "database")]
            in_any: |error| Some(error.downcast_ref::<E>()?),
        }
    }
}

/// What is known to be an error, and one whose code is known.
#[cfg(feature = "database")]
pub(super) fn known_error(error: &dyn Any) -> Option<&(dyn Error + 'static)> {
    inventory::iter::<CodedError>().find_map(|known| (known.in_any)(error))
}

/// Which codes the errors of a type can have.
pub(crate) fn codes_of(error_type: TypeId) -> &'static [FailureCode] {
    inventory::iter::<CodedError>()
        .find(|known| (known.ids)().contains(&error_type))
        .map_or(&[], |known| known.codes)
}

/// The error, if it is of this type, or a box or an `Arc` of it.
fn pointee<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    error
        .downcast_ref::<E>()
        .or_else(|| error.downcast_ref::<Box<E>>().map(AsRef::as_ref))
        .or_else(|| error.downcast_ref::<Arc<E>>().map(AsRef::as_ref))
}

/// The code of an error or of the first of its causes that has one, and whether one of them is [`Permanent`].
pub(crate) fn read(error: &(dyn Error + 'static)) -> (Option<Coded>, bool) {
    read_chain(error, &[])
}

/// [`read`], also of what was given to `context`, which is in the error and not among its causes.
#[cfg(feature = "anyhow")]
pub(crate) fn read_anyhow(error: &anyhow::Error) -> (Option<Coded>, bool) {
    let causes: Vec<&(dyn Error + 'static)> = error.chain().take(MAX_CAUSES).collect();
    // What is found may also be one of the causes, which has its turn.
    let is_cause = |found: &(dyn Error + 'static), known: &CodedError| {
        let mut same = causes
            .iter()
            .filter(|cause| address(**cause) == address(found));
        same.any(|cause| (known.read)(*cause).is_some())
    };
    let mut contexts: Vec<&(dyn Error + 'static)> = inventory::iter::<CodedError>()
        .filter_map(|known| (known.in_anyhow)(error).filter(|found| !is_cause(*found, known)))
        .collect();
    if let Some(permanent) = error.downcast_ref::<Permanent>() {
        contexts.push(permanent);
    }
    read_chain(error.as_ref(), &contexts)
}

fn read_chain(
    error: &(dyn Error + 'static),
    contexts: &[&(dyn Error + 'static)],
) -> (Option<Coded>, bool) {
    let mut permanent = false;
    let mut coded = None;
    let mut link = Some(error);
    for _ in 0..MAX_CAUSES {
        let Some(error) = link else { break };
        link = error.source();
        let within = contexts
            .iter()
            .copied()
            .filter(|context| is_within(*context, error));
        for part in std::iter::once(error).chain(within) {
            if let Some(wrapper) = pointee::<Permanent>(part) {
                permanent = true;
                link = Some(wrapper.inner());
                break;
            }
            if let Some(inner) = any_pointee(part) {
                link = Some(inner);
                break;
            }
            if coded.is_some() {
                continue;
            }
            match inventory::iter::<CodedError>().find_map(|known| (known.read)(part)) {
                Some(Reading::Coded(found)) => {
                    permanent |= found.permanent;
                    coded = Some(found);
                }
                Some(Reading::Failed(found, lasting)) => {
                    permanent |= lasting;
                    coded = found;
                }
                Some(Reading::Wraps(inner)) => {
                    link = Some(inner);
                    break;
                }
                Some(Reading::Nothing) | None => {}
            }
        }
    }
    (coded, permanent)
}

/// What an error points to that may be any: an `Arc`, or an [`std::io::Error`], which is not the cause of that.
fn any_pointee<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    if let Some(shared) = error.downcast_ref::<Arc<dyn Error + Send + Sync>>() {
        return Some(shared.as_ref());
    }
    let error = error.downcast_ref::<std::io::Error>()?;
    Some(error.get_ref()?)
}

fn address(error: &(dyn Error + 'static)) -> usize {
    std::ptr::from_ref(error).addr()
}

/// Whether one is in the memory of the other.
fn is_within(part: &(dyn Error + 'static), whole: &(dyn Error + 'static)) -> bool {
    let begin = address(whole);
    (begin..=begin + size_of_val(whole)).contains(&address(part))
}
