//! The file name of content.

use super::ArtifactError;

/// The last part of a path: a name that leads nowhere else.
pub(super) fn file_name(given: Option<String>) -> Result<Option<String>, ArtifactError> {
    let Some(text) = given else {
        return Ok(None);
    };
    let name = text.rsplit(['/', '\\']).next().unwrap_or_default().trim();
    let invalid = |reason| ArtifactError::InvalidContent {
        what: "file name",
        reason,
    };
    if name.chars().any(char::is_control) {
        return Err(invalid("it has control characters"));
    }
    if name.len() > 255 {
        return Err(invalid("it is longer than 255 bytes"));
    }
    Ok((!matches!(name, "" | "." | "..")).then(|| name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_lead_nowhere() {
        let of = |text: &str| file_name(Some(text.to_owned())).unwrap();
        assert_eq!(of("a.csv").as_deref(), Some("a.csv"));
        assert_eq!(of("../../etc/passwd").as_deref(), Some("passwd"));
        assert_eq!(of("C:\\tmp\\Größe 1.csv").as_deref(), Some("Größe 1.csv"));
        for nothing in ["", "..", "a/..", "a/"] {
            assert_eq!(of(nothing), None, "{nothing}");
        }
        assert!(file_name(Some("a\r\nb".to_owned())).is_err());
    }
}
