//! What a client was told, which is all that it can rely on.

use std::collections::BTreeMap;

use crate::files::Picture;

/// Whether something happened, as far as the client knows. An error of the server or a broken connection leaves that
/// open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Told {
    /// It did not happen.
    No,
    /// It may have happened.
    Maybe,
    /// It happened.
    Yes,
}

/// A version of an image.
#[derive(Clone, Debug)]
pub(crate) struct Version {
    /// The file that the client declared.
    pub(crate) picture: &'static Picture,
    /// Whether S3 stored it.
    pub(crate) sent: Told,
}

/// An image.
#[derive(Clone, Debug)]
pub(crate) struct ImageModel {
    /// The file name, which no other image of the run has, except edits of this image.
    pub(crate) name: String,
    /// The id, unless the answer to the creation never arrived.
    pub(crate) id: Option<String>,
    /// Whether it was deleted for good, by itself or with its set.
    pub(crate) deleted: Told,
    /// Whether it was moved to the trash and not restored. An image without a picture is deleted instead, which the
    /// answer does not tell.
    pub(crate) discarded: Told,
    /// The versions that the client knows, by number. An edit has none, because its file is not the client's.
    pub(crate) versions: BTreeMap<u64, Version>,
    /// The number of requests for a replacement whose answer never arrived.
    pub(crate) unknown_versions: u64,
    /// The greatest version that the client saw ready.
    pub(crate) seen_ready: u64,
    /// The source, if it is an edit.
    pub(crate) source: Option<String>,
    /// The set in which it was created. Moves change only its slot.
    pub(crate) set: Option<usize>,
    /// Whether it was uploaded for a phone number, so that it gets a copy in Dropbox.
    pub(crate) has_copy: bool,
    /// The address of its latest upload, with which a client may send a file again and too late.
    pub(crate) upload: Option<(serde_json::Value, &'static Picture)>,
}

impl ImageModel {
    pub(crate) fn new(name: String) -> Self {
        Self {
            name,
            id: None,
            deleted: Told::No,
            discarded: Told::No,
            versions: BTreeMap::new(),
            unknown_versions: 0,
            seen_ready: 0,
            source: None,
            set: None,
            has_copy: false,
            upload: None,
        }
    }
}

/// A set.
#[derive(Clone, Debug)]
pub(crate) struct SetModel {
    /// The id, unless the answer to the creation never arrived.
    pub(crate) id: Option<String>,
    /// Whether it was deleted.
    pub(crate) deleted: Told,
    /// Whether the answer to a move in this set never arrived. If the move happens later, an image that is in the
    /// trash by then can lose its slot.
    pub(crate) has_unknown_move: bool,
}

impl SetModel {
    pub(crate) fn new(id: Option<String>) -> Self {
        Self { id, deleted: Told::No, has_unknown_move: false }
    }
}

/// An expiring link.
#[derive(Clone, Debug)]
pub(crate) struct LinkModel {
    /// The id of the image.
    pub(crate) image: String,
    /// The first part of the link's id. With the image's id, it is the link's sort key.
    pub(crate) secret: String,
}

impl LinkModel {
    /// The sort key of the link's item.
    pub(crate) fn sort_key(&self) -> String {
        format!("LINK#{}#{}", self.image, self.secret)
    }
}

/// What one user's client knows at the end.
#[derive(Debug, Default)]
pub(crate) struct Model {
    pub(crate) images: Vec<ImageModel>,
    pub(crate) sets: Vec<SetModel>,
    /// The expiring links that were created.
    pub(crate) links: Vec<LinkModel>,
    /// The number of requests for a link whose answer never arrived. Each may have made a link.
    pub(crate) unknown_links: usize,
    /// The number of requests for an edit whose answer never arrived. Each may have made an image.
    pub(crate) unknown_edits: usize,
    /// The number of analyses and edits that were requested.
    pub(crate) ai_calls: u64,
    /// The number of requests for an analysis or an edit whose answer never arrived.
    pub(crate) unknown_ai_calls: u64,
    /// Answers that no fault explains.
    pub(crate) wrong_answers: Vec<String>,
}

impl Model {
    /// The index of the image with this id.
    pub(crate) fn find(&self, id: &str) -> Option<usize> {
        self.images.iter().position(|image| image.id.as_deref() == Some(id))
    }

    /// Whether an image may be gone: it was deleted, or it was discarded and may have had no picture, or it is an edit
    /// whose source may be gone.
    pub(crate) fn gone(&self, image: &ImageModel) -> Told {
        let discarded = if image.seen_ready == 0 { image.discarded.min(Told::Maybe) } else { Told::No };
        let source = image.source.as_deref().and_then(|id| self.find(id));
        let source = source.map_or(Told::No, |source| self.gone(&self.images[source]).min(Told::Maybe));
        image.deleted.max(discarded).max(source)
    }

    /// Whether a set exists, and none of its images may be in the trash.
    pub(crate) fn is_whole(&self, set: usize) -> bool {
        let mut images = self.images.iter().filter(|image| image.set == Some(set));
        self.sets[set].deleted == Told::No && images.all(|image| image.discarded == Told::No)
    }

    /// Whether every image of a set that is not hidden is in one of its slots. Otherwise a request whose answer never
    /// arrived may have given the slot of an image away while that image was in the trash: a move, or the creation of
    /// an image.
    pub(crate) fn keeps_slots(&self, set: usize) -> bool {
        let mut images = self.images.iter().filter(|image| image.set == Some(set));
        !self.sets[set].has_unknown_move && images.all(|image| image.id.is_some())
    }

    /// Whether requests may not find an image: it may be gone or in the trash.
    pub(crate) fn hidden(&self, image: &ImageModel) -> Told {
        self.gone(image).max(image.discarded)
    }
}
