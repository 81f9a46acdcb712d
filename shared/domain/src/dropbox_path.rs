//! Paths of copies in Dropbox.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{FileName, ImageId, PhoneNumber, Timestamp};

/// The path of a copy in Dropbox: `/<phone number>/<timestamp>_<file name>`.
///
/// The timestamp is the time of the upload in milliseconds. Six extra digits distinguish uploads of the same
/// millisecond. The file name is changed so that Dropbox and the operating systems it syncs with accept it (Dropbox
/// help, "Naming Dropbox files and folders"):
///
/// - Slashes, backslashes, the characters `< > : " | ? *`, control characters, and dots and spaces at the end become `_`.
/// - A name of more than 213 UTF-16 units is cut before its extension, so that the whole path has fewer than 260.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DropboxPath(String);

impl DropboxPath {
    /// The longest file name, in UTF-16 units.
    const MAX_NAME: usize = 213;
    /// The longest extension in bytes, including its dot.
    const MAX_EXTENSION: usize = 12;

    /// The path for an upload. The same upload always has the same path.
    #[must_use]
    pub fn new(number: &PhoneNumber, uploaded_at: Timestamp, image: ImageId, name: &FileName) -> Self {
        let time = uploaded_at.strftime("%Y%m%dT%H%M%S%.3f");
        Self(format!("/{number}/{time}{:06}Z_{}", image.six_random_digits(), safe_name(name.as_str())))
    }

    /// The path as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DropboxPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn safe_name(name: &str) -> String {
    let is_bad = |c: char| c.is_control() || r#"/\<>:"|?*"#.contains(c);
    let name: String = name.chars().map(|c| if is_bad(c) { '_' } else { c }).collect();
    let (stem, extension) = match name.rfind('.') {
        Some(dot) if (2..=DropboxPath::MAX_EXTENSION).contains(&(name.len() - dot)) => name.split_at(dot),
        _ => (name.as_str(), ""),
    };
    let mut room = DropboxPath::MAX_NAME - extension.len();
    let fits = |c: &char| {
        let left = room.checked_sub(c.len_utf16());
        room = left.unwrap_or_default();
        left.is_some()
    };
    let stem: String = stem.chars().take_while(fits).collect();
    let name = stem + extension;
    let kept = name.trim_end_matches(['.', ' ']).len();
    let trailing = name.len() - kept;
    format!("{}{}", &name[..kept], "_".repeat(trailing))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(name: &str) -> String {
        let number = "+4915123456789".to_owned().try_into().unwrap();
        let at = "2026-03-12T19:04:02.456Z".parse().unwrap();
        let id = "01JZ0000000000000000000000".parse().unwrap();
        DropboxPath::new(&number, at, id, &name.to_owned().try_into().unwrap()).0
    }

    #[test]
    fn a_copy_lies_under_the_number_by_the_time_of_its_upload() {
        assert_eq!(path("cat 1.jpg"), "/+4915123456789/20260312T190402.456000000Z_cat 1.jpg");
    }

    #[test]
    fn uploads_of_the_same_millisecond_have_different_paths() {
        let number = "+4915123456789".to_owned().try_into().unwrap();
        let name = "a".to_owned().try_into().unwrap();
        let at = crate::now();
        let (one, two) = (ImageId::generate(), ImageId::generate());
        assert_ne!(DropboxPath::new(&number, at, one, &name), DropboxPath::new(&number, at, two, &name));
        assert_eq!(DropboxPath::new(&number, at, one, &name), DropboxPath::new(&number, at, one, &name));
    }

    #[test]
    fn a_file_name_never_leaves_its_folder_and_stays_readable() {
        for (name, safe) in [
            ("../../etc/passwd", ".._.._etc_passwd"),
            (r#"C:\a<b>"c"|d?*.png"#, "C__a_b__c__d__.png"),
            ("🎞️ Urlaub – ü.jpeg", "🎞️ Urlaub – ü.jpeg"),
            ("dots and spaces. . ", "dots and spaces____"),
            ("...", "___"),
            (".hidden", ".hidden"),
        ] {
            assert!(path(name).ends_with(&format!("Z_{safe}")), "{name:?}: {}", path(name));
            assert_eq!(path(name).matches('/').count(), 2);
        }
    }

    #[test]
    fn a_long_name_is_cut_before_its_extension() {
        let units = |text: &str| text.encode_utf16().count();
        let long = format!("{}.jpeg", "🎞".repeat(250));
        assert!(path(&long).ends_with("🎞.jpeg") && units(&path(&long)) < 260, "{}", path(&long));
        // A text after a dot that is too long for an extension is cut too. The result does not end with a space or dot.
        let spaced = format!("{}. {}", "x".repeat(211), "y".repeat(40));
        assert!(path(&spaced).ends_with("x__") && units(&path(&spaced)) < 260, "{}", path(&spaced));
    }
}
