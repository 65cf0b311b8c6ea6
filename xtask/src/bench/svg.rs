//! Draws a flame graph: the outermost functions at the top, each as wide as what it and its callees cost.

use std::fmt::Write as _;

use super::layers::{LAYERS, Node, layer};

const WIDTH: f64 = 1200.0;
const ROW: f64 = 17.0;
/// What is narrower cannot be seen.
const NARROWEST: f64 = 1.0;
/// Of a letter of the font.
const LETTER: f64 = 6.2;
const TOP: f64 = 30.0;

/// One colour per layer.
const COLOURS: [&str; LAYERS.len()] = [
    "#d6336c", "#f08c00", "#37b24d", "#74c0fc", "#b197fc", "#ced4da",
];

pub(super) fn draw(tree: &Node) -> String {
    let mut boxes = String::new();
    let mut deepest = 0;
    let mut x = 0.0;
    for (name, node) in &tree.callees {
        rows(&mut boxes, &mut deepest, name, node, x, 0, tree.total);
        x += node.total / tree.total * WIDTH;
    }
    let height = TOP + ROW * f64::from(deepest + 1) + 4.0;
    let mut legend = String::new();
    for (index, ((name, _), colour)) in LAYERS.iter().zip(COLOURS).enumerate() {
        let x = index as f64 * WIDTH / LAYERS.len() as f64;
        // Writing to a string cannot fail.
        let _ = writeln!(
            legend,
            "<rect x=\"{x:.1}\" y=\"6\" width=\"12\" height=\"12\" fill=\"{colour}\"/>\
             <text x=\"{:.1}\" y=\"16\">{name}</text>",
            x + 16.0
        );
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"monospace\" \
         font-size=\"10\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n{legend}{boxes}</svg>\n"
    )
}

fn rows(
    boxes: &mut String,
    deepest: &mut u32,
    name: &str,
    node: &Node,
    x: f64,
    depth: u32,
    all: f64,
) {
    let width = node.total / all * WIDTH;
    if width < NARROWEST {
        return;
    }
    *deepest = (*deepest).max(depth);
    let y = TOP + ROW * f64::from(depth);
    let name = escape(name);
    let fits = (width / LETTER) as usize;
    let label = if fits >= 4 { clip(&name, fits) } else { "" };
    let _ = writeln!(
        boxes,
        "<g><title>{name}: {:.0} instructions, {:.1} %</title><rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" \
         height=\"{:.1}\" fill=\"{}\"/><text x=\"{:.1}\" y=\"{:.1}\">{label}</text></g>",
        node.total,
        node.total * 100.0 / all,
        width - 0.4,
        ROW - 1.0,
        COLOURS[layer(&name)],
        x + 2.0,
        y + 11.5,
    );
    let mut x = x;
    for (callee, below) in &node.callees {
        rows(boxes, deepest, callee, below, x, depth + 1, all);
        x += below.total / all * WIDTH;
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// The beginning of a text, without half an entity at its end.
fn clip(text: &str, letters: usize) -> &str {
    let end = text
        .char_indices()
        .nth(letters)
        .map_or(text.len(), |(end, _)| end);
    let clipped = &text[..end];
    match clipped.rfind('&') {
        Some(entity) if !clipped[entity..].contains(';') => &clipped[..entity],
        _ => clipped,
    }
}

#[cfg(test)]
mod tests {
    use super::{clip, escape};

    #[test]
    fn labels_are_whole_characters() {
        assert_eq!(clip("abcdef", 3), "abc");
        assert_eq!(clip(&escape("a<b"), 3), "a");
        assert_eq!(clip("äöü", 2), "äö");
    }
}
