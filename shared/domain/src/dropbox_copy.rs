//! Copies of originals in Dropbox.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Failure, FileName, ImageId, JobId, PhoneNumber, Progress, Task, Timestamp};

/// Where a copy lies in Dropbox: `/<phone number>/<timestamp>_<file name>`.
///
/// The timestamp is the time of the upload to the millisecond, followed by six digits that tell uploads of the same
/// millisecond apart, so that no copy takes another's place. A file name becomes a name that Dropbox and the systems
/// it syncs with take (Dropbox help, "Naming Dropbox files and folders"):
///
/// - a slash, a backslash, any of `< > : " | ? *` and a control character become `_`, as does each dot and space at
///   the end;
/// - what is longer than 213 UTF-16 units is cut before its extension, so that the whole path has fewer than 260.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DropboxPath(String);

impl DropboxPath {
    /// The longest file name, in UTF-16 units.
    const MAX_NAME: usize = 213;
    /// What counts as an extension, in bytes, its dot included.
    const MAX_EXTENSION: usize = 12;

    /// The place of an upload's copy. The same upload has the same place each time.
    #[must_use]
    pub fn new(number: &PhoneNumber, uploaded_at: Timestamp, image: ImageId, name: &FileName) -> Self {
        let time = uploaded_at.strftime("%Y%m%dT%H%M%S%.3f");
        Self(format!("/{number}/{time}{:06}Z_{}", image.millionth(), safe_name(name.as_str())))
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

/// A copy in Dropbox of an image's original: to be made, made or given up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DropboxCopy {
    /// The job that makes it; the result of an earlier one is not taken.
    pub job: JobId,
    /// Where it lies. An attempt that failed may have left it there.
    pub path: DropboxPath,
    /// How far it has come.
    pub status: Progress,
    /// The address that shows its very bytes to whoever has it, once it is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Why it was given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

impl DropboxCopy {
    /// A copy that is to be made at `path`.
    #[must_use]
    pub fn queued(path: DropboxPath) -> Self {
        Self { job: JobId::generate(), path, status: Progress::Queued, url: None, failure: None }
    }

    /// The same copy, ended by its address or a failure.
    #[must_use]
    pub fn ended(self, outcome: Result<String, Failure>) -> Self {
        let (status, url, failure) = match outcome {
            Ok(url) => (Progress::Done, Some(url), None),
            Err(failure) => (Progress::Failed, None, Some(failure)),
        };
        Self { status, url, failure, ..self }
    }

    /// What removes it.
    #[must_use]
    pub fn removal(&self) -> Task {
        Task::DeleteDropboxCopy { path: self.path.clone() }
    }
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
    fn uploads_of_the_same_millisecond_have_places_of_their_own() {
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
        // What only looks like an extension is cut too, and what the cut lays bare is no space or dot.
        let spaced = format!("{}. {}", "x".repeat(211), "y".repeat(40));
        assert!(path(&spaced).ends_with("x__") && units(&path(&spaced)) < 260, "{}", path(&spaced));
    }
}
