//! The tables, as diesel sees them.

#![allow(missing_docs, reason = "written by a macro")]

diesel::table! {
    users (id) {
        id -> Text,
        name -> Text,
        active -> Bool,
        times_processed -> BigInt,
    }
}

diesel::table! {
    airports (iata) {
        iata -> Text,
        name -> Text,
        city -> Nullable<Text>,
        state -> Nullable<Text>,
        country -> Text,
        latitude -> Double,
        longitude -> Double,
    }
}
