//! The parameters of one task together: lists whose types the compiler knows.
//!
//! `(Slot<A>, (Slot<B>, ()))` makes `(Place<A>, (Place<B>, ()))`, which becomes `(A, (B, ()))`. So the code that fills
//! the places and runs the task is written here once, and what is generated per task is next to nothing.

#![allow(
    missing_docs,
    reason = "for generated code, which is not written by hand"
)]

use super::place::{AnyPlace, Place};
use super::slot::{AnySlot, Slot};

/// The slots of all parameters, in order.
pub trait Slots: Sync + 'static {
    type Values: Send + 'static;
    type Places: Places<Values = Self::Values>;

    fn places(&'static self) -> Self::Places;
    fn get(&self, index: usize) -> Option<&dyn AnySlot>;
}

/// The places of all parameters, in order.
pub trait Places: AnyPlaces + Send + 'static {
    type Values;

    /// The values, once all are there.
    fn take(self) -> Self::Values;
}

/// Places whose types are not known.
pub trait AnyPlaces {
    /// The place of one parameter.
    ///
    /// # Panics
    ///
    /// When there is no such parameter.
    fn at(&mut self, index: usize) -> &mut dyn AnyPlace;
}

impl Slots for () {
    type Values = ();
    type Places = ();

    fn places(&'static self) {}

    fn get(&self, _: usize) -> Option<&dyn AnySlot> {
        None
    }
}

impl Places for () {
    type Values = ();

    fn take(self) {}
}

impl AnyPlaces for () {
    fn at(&mut self, _: usize) -> &mut dyn AnyPlace {
        unreachable!("a place is asked for that no parameter has")
    }
}

impl<T: Send + 'static, R: Slots> Slots for (Slot<T>, R) {
    type Values = (T, R::Values);
    type Places = (Place<T>, R::Places);

    fn places(&'static self) -> Self::Places {
        (Place::new(&self.0), self.1.places())
    }

    fn get(&self, index: usize) -> Option<&dyn AnySlot> {
        match index.checked_sub(1) {
            None => Some(&self.0),
            Some(index) => self.1.get(index),
        }
    }
}

impl<T: Send + 'static, R: Places> Places for (Place<T>, R) {
    type Values = (T, R::Values);

    fn take(self) -> Self::Values {
        (self.0.take(), self.1.take())
    }
}

impl<T, R: AnyPlaces> AnyPlaces for (Place<T>, R) {
    fn at(&mut self, index: usize) -> &mut dyn AnyPlace {
        match index.checked_sub(1) {
            None => &mut self.0,
            Some(index) => self.1.at(index),
        }
    }
}
