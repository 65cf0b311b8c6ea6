//! The parameters of one task together: lists whose types the compiler knows.
//!
//! `(Slot<A>, (Slot<B>, ()))` makes `(ArgCell<A>, (ArgCell<B>, ()))`, which becomes `(A, (B, ()))`. So the code that fills
//! the cells and runs the task is written here once, and what is generated per task is next to nothing.

#![allow(
    missing_docs,
    reason = "for generated code, which is not written by hand"
)]

use super::cell::{AnyArgCell, ArgCell};
use super::slot::{AnySlot, Slot};

/// The slots of all parameters, in order.
pub trait Slots: Sync + 'static {
    type Values: Send + 'static;
    type ArgCells: ArgCells<Values = Self::Values>;

    fn cells(&'static self) -> Self::ArgCells;
    fn get(&self, index: usize) -> Option<&dyn AnySlot>;
}

/// The cells of all parameters, in order.
pub trait ArgCells: AnyArgCells + Send + 'static {
    type Values;

    /// The values, once all are there.
    fn take(self) -> Self::Values;
}

/// Cells whose types are not known.
pub trait AnyArgCells {
    /// The cell of one parameter.
    ///
    /// # Panics
    ///
    /// When there is no such parameter.
    fn at(&mut self, index: usize) -> &mut dyn AnyArgCell;
}

impl Slots for () {
    type Values = ();
    type ArgCells = ();

    fn cells(&'static self) {}

    fn get(&self, _: usize) -> Option<&dyn AnySlot> {
        None
    }
}

impl ArgCells for () {
    type Values = ();

    fn take(self) {}
}

impl AnyArgCells for () {
    fn at(&mut self, _: usize) -> &mut dyn AnyArgCell {
        unreachable!("a cell is asked for that no parameter has")
    }
}

impl<T: Send + 'static, R: Slots> Slots for (Slot<T>, R) {
    type Values = (T, R::Values);
    type ArgCells = (ArgCell<T>, R::ArgCells);

    fn cells(&'static self) -> Self::ArgCells {
        (ArgCell::new(&self.0), self.1.cells())
    }

    fn get(&self, index: usize) -> Option<&dyn AnySlot> {
        match index.checked_sub(1) {
            None => Some(&self.0),
            Some(index) => self.1.get(index),
        }
    }
}

impl<T: Send + 'static, R: ArgCells> ArgCells for (ArgCell<T>, R) {
    type Values = (T, R::Values);

    fn take(self) -> Self::Values {
        (self.0.take(), self.1.take())
    }
}

impl<T, R: AnyArgCells> AnyArgCells for (ArgCell<T>, R) {
    fn at(&mut self, index: usize) -> &mut dyn AnyArgCell {
        match index.checked_sub(1) {
            None => &mut self.0,
            Some(index) => self.1.at(index),
        }
    }
}
