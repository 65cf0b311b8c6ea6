//! Texts that somebody else determines have a limit.

/// What stands where a text was cut.
const MARK: &str = "… (cut)";

/// Cuts a text to so many bytes, and marks that.
pub(crate) fn cut(text: &mut String, most: usize) {
    if text.len() <= most {
        return;
    }
    let end = (0..=most.saturating_sub(MARK.len()))
        .rev()
        .find(|end| text.is_char_boundary(*end));
    text.truncate(end.unwrap_or(0));
    text.push_str(MARK);
}

/// Cuts a text to so many bytes as it is written in JSON, where a control character is six, and marks that. Gives whether it was cut.
pub(crate) fn cut_for_json(text: &mut String, most: usize) -> bool {
    let written = |character: char| match character {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        '\0'..='\u{1f}' => 6,
        character => character.len_utf8(),
    };
    let mut room = most;
    let mut end = 0;
    for (index, character) in text.char_indices() {
        let size = written(character);
        if size > room {
            text.truncate(end);
            text.push_str(MARK);
            return true;
        }
        room -= size;
        // What leaves room for the mark.
        if room >= MARK.len() {
            end = index + character.len_utf8();
        }
    }
    false
}

/// Without what cannot be stored: PostgreSQL has no text with such a character. For what the program says; what a client says is refused.
pub(crate) fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters_and_marked() {
        let mut text = "ä".repeat(50);
        cut(&mut text, 100);
        assert_eq!(text, "ä".repeat(50));
        text.push('b');
        cut(&mut text, 100);
        assert_eq!(text, format!("{}{MARK}", "ä".repeat(45)));
        assert!(text.len() <= 100);
    }

    #[test]
    fn what_json_escapes_counts_as_it_is_written() {
        for character in ["a", "\u{1}", "\"", "ä", "\n", "漢"] {
            let mut text = character.repeat(2000);
            assert!(cut_for_json(&mut text, 1024));
            let json = serde_json::to_string(&text).unwrap();
            assert!(
                json.len() - 2 <= 1024 && json.len() > 900,
                "{character:?}: {}",
                json.len()
            );
            assert!(text.ends_with(MARK));
        }
        let mut short = "\u{1}".repeat(170);
        assert!(!cut_for_json(&mut short, 1024));
        assert_eq!(short.len(), 170);
    }
}
