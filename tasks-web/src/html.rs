//! What the pages of a service have in common.

/// What the pages of a service look like.
pub(crate) const STYLE: &str = "
:root { color-scheme: light dark; --text: #1c2430; --dim: #5b6675; --line: #d9dee6; --back: #f5f7fa; --card: #fff; --accent: #1f5fbf; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e6eaf0; --dim: #9aa5b4; --line: #2c3542; --back: #12161c; --card: #1a2029; --accent: #7fb2ff; }
}
* { box-sizing: border-box; }
body { margin: 0; font: 16px/1.5 system-ui, sans-serif; color: var(--text); background: var(--back); }
main { max-width: 44rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0; overflow-wrap: anywhere; }
.version { color: var(--dim); font-size: .95rem; margin: .25rem 0 1rem; }
.description { white-space: pre-line; overflow-wrap: anywhere; }
.links { display: grid; grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr)); gap: .75rem; padding: 0; margin: 2rem 0; list-style: none; }
.links a { display: block; padding: .8rem 1rem; border: 1px solid var(--line); border-radius: .6rem; background: var(--card); color: inherit; text-decoration: none; }
.links a:hover, .links a:focus-visible { border-color: var(--accent); }
.links strong { display: block; color: var(--accent); font-weight: 600; }
.links code { color: var(--dim); font-size: .85rem; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
.tags { display: flex; flex-wrap: wrap; gap: .4rem; padding: 0; margin: 0; list-style: none; }
.tags a { display: block; color: inherit; text-decoration: none; padding: .1rem .6rem; border: 1px solid var(--line); border-radius: 1rem; font-size: .9rem; background: var(--card); }
.tags a:hover, .tags a:focus-visible { border-color: var(--accent); }
.tags span { color: var(--dim); }
";

/// A text in HTML.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}
