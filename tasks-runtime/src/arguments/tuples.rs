//! The parameters of one task together: lists whose types the compiler knows.
//!
//! `(Slot<A>, (Slot<B>, ()))` makes `(ArgCell<A>, (ArgCell<B>, ()))`. So the code that fills the cells and runs the task is
//! written here once, and what is generated per task is next to nothing: a closure that takes each value out of its cell.

#![allow(
    missing_docs,
    reason = "for generated code, which is not written by hand"
)]

use super::cell::{AnyArgCell, ArgCell};
use super::slot::{AnySlot, Slot};

/// The slots of all parameters, in order.
pub trait Slots: Sync + 'static {
    type ArgCells: AnyArgCells + Send + 'static;

    fn cells(&'static self) -> Self::ArgCells;
    fn get(&self, index: usize) -> Option<&dyn AnySlot>;
}

/// The cells of all parameters, in order. Their types are not known.
pub trait AnyArgCells {
    /// The cell of one parameter.
    ///
    /// # Panics
    ///
    /// When there is no such parameter.
    fn at(&mut self, index: usize) -> &mut dyn AnyArgCell;
}

impl Slots for () {
    type ArgCells = ();

    fn cells(&'static self) {}

    fn get(&self, _: usize) -> Option<&dyn AnySlot> {
        None
    }
}

impl AnyArgCells for () {
    fn at(&mut self, _: usize) -> &mut dyn AnyArgCell {
        unreachable!("a cell is asked for that no parameter has")
    }
}

impl<T: Send + 'static, R: Slots> Slots for (Slot<T>, R) {
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

impl<T, R: AnyArgCells> AnyArgCells for (ArgCell<T>, R) {
    fn at(&mut self, index: usize) -> &mut dyn AnyArgCell {
        match index.checked_sub(1) {
            None => &mut self.0,
            Some(index) => self.1.at(index),
        }
    }
}
