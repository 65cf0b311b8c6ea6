//! Finds the code of an error, whatever it is wrapped in.

#![allow(
    missing_docs,
    missing_debug_implementations,
    reason = "for generated code, which is not written by hand"
)]

use std::any::TypeId;
use std::borrow::Cow;
use std::error::Error;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use super::causes::MAX_CAUSES;
use super::framework_code::{FrameworkCode, is_same};
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
        }
    }
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

/// The codes of a type of errors.
#[must_use]
pub const fn codes<E: FailureCodes>() -> &'static [FailureCode] {
    E::CODES
}

/// The codes that an error has whose type may have some: those of the error in a transparent variant.
pub struct CodesOf<E: ?Sized>(PhantomData<E>);

impl<E: FailureCodes> CodesOf<E> {
    pub const CODES: &'static [FailureCode] = E::CODES;
}

/// None, where the type has none. The constant of the type itself goes before this one.
pub trait NoCodes {
    const CODES: &'static [FailureCode] = &[];
}

impl<E: ?Sized> NoCodes for CodesOf<E> {}

/// How many different codes there are in all.
#[must_use]
pub const fn count_codes(parts: &[&[FailureCode]]) -> usize {
    let (mut part, mut count) = (0, 0);
    while part < parts.len() {
        let mut index = 0;
        while index < parts[part].len() {
            if is_first(parts, part, index) {
                count += 1;
            }
            index += 1;
        }
        part += 1;
    }
    count
}

/// All codes in one list, each once.
#[must_use]
pub const fn join_codes<const N: usize>(parts: &[&[FailureCode]]) -> [FailureCode; N] {
    let mut all = [FailureCode::new("none"); N];
    let (mut part, mut count) = (0, 0);
    while part < parts.len() {
        let mut index = 0;
        while index < parts[part].len() {
            if is_first(parts, part, index) {
                all[count] = parts[part][index];
                count += 1;
            }
            index += 1;
        }
        part += 1;
    }
    all
}

/// Whether no part before has the code.
const fn is_first(parts: &[&[FailureCode]], part: usize, index: usize) -> bool {
    let code = parts[part][index].code();
    let mut before = 0;
    while before < part {
        let mut other = 0;
        while other < parts[before].len() {
            if is_same(parts[before][other].code(), code) {
                return false;
            }
            other += 1;
        }
        before += 1;
    }
    true
}

/// The error in what a transparent variant holds: an error, or a box of one, which is none itself.
pub trait ErrorInside {
    fn the_error_inside(&self) -> &(dyn Error + 'static);
}

impl<E: Error + 'static> ErrorInside for E {
    fn the_error_inside(&self) -> &(dyn Error + 'static) {
        self
    }
}

macro_rules! error_inside {
    ($($error:ty),*) => {$(
        impl ErrorInside for $error {
            fn the_error_inside(&self) -> &(dyn Error + 'static) {
                self
            }
        }
    )*};
}

error_inside!(
    dyn Error + 'static,
    dyn Error + Send + 'static,
    dyn Error + Send + Sync + 'static,
    dyn Error + Send + Sync + std::panic::UnwindSafe + 'static
);

/// The code of a variant.
#[must_use]
pub const fn failure_code(
    code: &'static str,
    description: Option<&'static str>,
    permanent: bool,
    retry_after: Option<Duration>,
    status: Option<u16>,
) -> FailureCode {
    let mut made = FailureCode::new(code);
    if let Some(description) = description {
        made = made.with_description(description);
    }
    if permanent {
        made = made.permanent();
    }
    if let Some(time) = retry_after {
        made = made.with_retry_after(time);
    }
    if let Some(status) = status {
        made = made.with_status(status);
    }
    made
}

/// A field that says how long to wait.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say how long to wait",
    label = "`retry_after` is for a `Duration` or an `Option<Duration>`"
)]
pub trait RetryTime: Copy {
    fn time(self) -> Option<Duration>;
}

impl RetryTime for Duration {
    fn time(self) -> Option<Duration> {
        Some(self)
    }
}

impl RetryTime for Option<Duration> {
    fn time(self) -> Option<Duration> {
        self
    }
}

/// The code with the time that a field says.
#[must_use]
pub fn retry_after<T: RetryTime>(code: FailureCode, time: &T) -> FailureCode {
    match time.time() {
        Some(time) => code.with_retry_after(time),
        None => code,
    }
}

/// A field that clients can read.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a detail of a failure",
    label = "not serializable to JSON",
    note = "derive `serde::Serialize` for types of this crate; of those of another crate, turn on the feature for serde, or give a text of it as a field of its own"
)]
pub trait FailureDetail {
    /// # Errors
    ///
    /// When the value cannot be JSON.
    fn json(&self) -> serde_json::Result<Value>;
}

#[diagnostic::do_not_recommend]
impl<T: Serialize> FailureDetail for T {
    fn json(&self) -> serde_json::Result<Value> {
        serde_json::to_value(self)
    }
}

/// A field of an error, in its details.
#[must_use]
pub fn detail<T: FailureDetail>(name: &str, value: &T) -> Value {
    value.json().unwrap_or_else(|reason| {
        // An error about an error helps no client.
        tracing::warn!(detail = name, r#type = std::any::type_name::<T>(), %reason, "a detail of a failure cannot be JSON, and is null");
        Value::Null
    })
}

/// The details of an error.
#[must_use]
pub fn details<const N: usize>(fields: [(&str, Value); N]) -> Value {
    fields
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}
