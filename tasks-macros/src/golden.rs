//! What `#[task]` makes of a few functions, compared with what is kept in `tests/expansion`.
//!
//! `UPDATE=1 cargo test -p tasks-macros` renews the files; read the difference before committing it.

use std::fs;
use std::path::Path;

use proc_macro2::{Group, TokenStream, TokenTree};
use quote::quote;
use syn::{File, Item, Meta};

use crate::attribute;

/// The file with every `#[task]` expanded.
fn expanded(source: &str) -> String {
    let file: File = syn::parse_str(source).unwrap();
    let mut tokens = TokenStream::new();
    for mut item in file.items {
        let Item::Fn(function) = &mut item else {
            tokens.extend(quote!(#item));
            continue;
        };
        let position = function
            .attrs
            .iter()
            .position(|attribute| attribute.path().is_ident("task"))
            .expect("a function of these files is a task");
        let options = match function.attrs.remove(position).meta {
            Meta::List(list) => list.tokens,
            _ => TokenStream::new(),
        };
        tokens.extend(attribute::task(options, &quote!(#function)));
    }
    prettyplease::unparse(&syn::parse2(formattable(tokens)).unwrap())
}

/// With `submit! { … }` as a call, `submit(…);`: nobody formats what is inside of a macro.
fn formattable(tokens: TokenStream) -> TokenStream {
    let mut shown: Vec<TokenTree> = Vec::new();
    for token in tokens {
        let TokenTree::Group(group) = token else {
            shown.push(token);
            continue;
        };
        let inner = formattable(group.stream());
        let is_submit = matches!(shown.as_slice(), [.., TokenTree::Ident(name), TokenTree::Punct(mark)]
            if name == "submit" && mark.as_char() == '!');
        if is_submit {
            shown.pop();
            shown.extend(quote!((#inner);));
        } else {
            shown.push(Group::new(group.delimiter(), inner).into());
        }
    }
    shown.into_iter().collect()
}

#[test]
fn expansions_are_those_that_are_kept() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/expansion");
    let mut seen = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let Some(case) = name.strip_suffix(".in.rs") else {
            continue;
        };
        seen += 1;
        let made = expanded(&fs::read_to_string(&path).unwrap());
        let kept = folder.join(format!("{case}.out.rs"));
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&kept, made).unwrap();
            continue;
        }
        let expected = fs::read_to_string(&kept).unwrap_or_default();
        assert_eq!(
            made, expected,
            "{case} expands to something else: `UPDATE=1 cargo test -p tasks-macros` renews the files"
        );
    }
    assert!(seen >= 5, "only {seen} files");
}
