//! A list of new files in a body.

use domain::{ContentType, FileName, InvalidField, NewImage, Sha256, Upload, UploadSize};
use serde::Deserialize;

use crate::Object;

/// A body with 1 to 20 new files.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FilesBody {
    files: Files,
}

impl FilesBody {
    /// The images to create, in the order of the request. They have neither title nor description.
    pub fn into_images(self) -> impl ExactSizeIterator<Item = NewImage> {
        self.files.0.into_iter().map(NewImage::from)
    }
}

#[derive(Debug, Deserialize)]
#[serde(try_from = "Vec<Object<File>>")]
struct Files(Vec<File>);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    file_name: FileName,
    content_type: ContentType,
    size: UploadSize,
    checksum_sha256: Option<Sha256>,
}

impl TryFrom<Vec<Object<File>>> for Files {
    type Error = InvalidField;

    fn try_from(files: Vec<Object<File>>) -> Result<Self, InvalidField> {
        let fits = (1..=20).contains(&files.len());
        let files = files.into_iter().map(|Object(file)| file).collect();
        fits.then_some(Self(files)).ok_or_else(|| InvalidField::from("must be 1 to 20 files"))
    }
}

impl From<File> for NewImage {
    fn from(file: File) -> Self {
        Self {
            file_name: file.file_name,
            title: None,
            description: None,
            upload: Upload {
                content_type: file.content_type,
                size: file.size,
                checksum_sha256: file.checksum_sha256,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn files(count: usize) -> Value {
        json!({"files": vec![json!({"file_name": "a.jpg", "content_type": "image/jpeg", "size": 1}); count]})
    }

    #[test]
    fn a_request_has_one_to_twenty_files() {
        for (count, fits) in [(0, false), (1, true), (20, true), (21, false)] {
            assert_eq!(serde_json::from_value::<FilesBody>(files(count)).is_ok(), fits, "{count}");
        }
    }
}
