//! What an address leads to.

use domain::ObjectKey;

/// One of the two buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bucket {
    /// Files as clients and AI models sent them.
    Originals,
    /// Thumbnails and other files that Darkroom makes from originals.
    Derived,
}

/// A file that an address leads to.
#[derive(Clone, Copy, Debug)]
pub(super) struct File<'a> {
    /// The bucket.
    pub(super) bucket: Bucket,
    /// The key, which needs no escapes in a URL.
    pub(super) key: &'a str,
    /// The header `Content-Disposition` of the response.
    pub(super) disposition: Option<&'a str>,
    /// What one signature may grant together with this file. `None` if the address must lead to this file alone.
    pub(super) family: Option<Family<'a>>,
}

/// The files of all images of a user that have the same place below their version. Whoever may see one of them may see
/// all of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Family<'a> {
    /// The original from which the file comes.
    pub(super) original: &'a ObjectKey,
    /// What follows the version in the URL, such as `/200.webp`. `*` stands for any text and `?` for any character.
    pub(super) rest: &'a str,
}
