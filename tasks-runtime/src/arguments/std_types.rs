//! Types of the standard library whose `Deserialize` is known.

use std::any::TypeId;

macro_rules! scalars {
    ($id:ident: $($scalar:ty)*) => {
        $($id == TypeId::of::<$scalar>()
            || $id == TypeId::of::<Option<$scalar>>()
            || $id == TypeId::of::<Vec<$scalar>>()
            || $id == TypeId::of::<Option<Vec<$scalar>>>())||*
    };
}

/// Whether a type reads strings as text, and never as bytes, which a JSON parser hands on as they are.
pub(super) fn reads_no_bytes<T: 'static>() -> bool {
    let id = TypeId::of::<T>();
    scalars!(id: String bool char i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize f32 f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_of_others_may_read_bytes() {
        assert!(reads_no_bytes::<String>() && reads_no_bytes::<Option<Vec<f64>>>());
        assert!(!reads_no_bytes::<serde_json::Value>() && !reads_no_bytes::<Vec<Vec<u8>>>());
    }
}
