//! The code in `README.md` and in every page of the book, compiled and run as documentation tests. `build.rs` finds the pages.

#[cfg(doctest)]
#[allow(non_camel_case_types, reason = "named after the files")]
mod pages {
    include!(concat!(env!("OUT_DIR"), "/pages.rs"));
}
