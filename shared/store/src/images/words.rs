//! The items with the words of images, which the search reads.
//!
//! Each image has an item of this kind, which the same transactions write. It contains the folded words of the image's
//! texts and its folded file name. It can be older than the image in two ways, which make no wrong result because the
//! search compares the images themselves: `workers-stream` deletes it after the image, and a replaced picture keeps the
//! words of its last analysis until the next one.

use aws::CallError;
use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use domain::{Analysis, Image, ImageId, UserId, Words, fold};

use super::update::Change;
use crate::dynamodb::{
    keys::{Item, string, words_key},
    records::Records,
    update::Update,
};

/// The folded file name, by which a list is ordered.
pub(crate) const SORT_NAME: &str = "sort_name";

/// The attributes with words.
pub(crate) const WORDS: [&str; 4] = [FILE_NAME, TITLE, DESCRIPTION, ANALYSIS];

const FILE_NAME: &str = "file_name_words";
const TITLE: &str = "title_words";
const DESCRIPTION: &str = "description_words";
const ANALYSIS: &str = "analysis_words";

impl Records {
    /// The item of a transaction that puts the words of an image.
    pub(crate) fn put_words(&self, user: &UserId, image: &Image) -> Result<TransactWriteItem, CallError> {
        self.put_in_transaction(words_item(user, image), None)
    }

    /// Deletes the words of an image that does not exist any more.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn delete_words(&self, user: &UserId, image: ImageId) -> Result<(), CallError> {
        self.delete_key(words_key(user, image)).await
    }
}

impl Change {
    /// The update of the words of an image that changes in this way. `None` if the change concerns no words.
    pub(crate) fn words_update(&self, user: &UserId, id: ImageId) -> Option<Update> {
        let Self { file_name, title, description, focal_point: _ } = self;
        if file_name.is_none() && title.is_none() && description.is_none() {
            return None;
        }
        let mut update = Update::new(words_key(user, id));
        if let Some(name) = file_name {
            update = update.set(SORT_NAME, sort_name(name.as_str()));
            update = update.set_or_remove(FILE_NAME, stored(Words::of(name.as_str())));
        }
        if let Some(title) = title {
            let words = title.as_ref().and_then(|title| stored(Words::of(title.as_str())));
            update = update.set_or_remove(TITLE, words);
        }
        if let Some(text) = description {
            let words = text.as_ref().and_then(|text| stored(Words::of(text.as_str())));
            update = update.set_or_remove(DESCRIPTION, words);
        }
        Some(update)
    }
}

/// The update of the words of an image that gets this analysis.
pub(crate) fn analysis_words(user: &UserId, image: ImageId, analysis: &Analysis) -> Update {
    Update::new(words_key(user, image)).set_or_remove(ANALYSIS, stored(Words::of_analysis(Some(analysis))))
}

/// The item with the words of an image.
pub(crate) fn words_item(user: &UserId, image: &Image) -> Item {
    let texts = [
        (FILE_NAME, stored(Words::of(image.file_name.as_str()))),
        (TITLE, image.title.as_ref().and_then(|title| stored(Words::of(title.as_str())))),
        (DESCRIPTION, image.description.as_ref().and_then(|text| stored(Words::of(text.as_str())))),
        (ANALYSIS, stored(Words::of_analysis(image.analysis.as_ref()))),
    ];
    let mut item = words_key(user, image.id);
    item.insert(SORT_NAME.to_owned(), sort_name(image.file_name.as_str()));
    item.extend(texts.into_iter().filter_map(|(name, words)| Some((name.to_owned(), words?))));
    item
}

fn stored(words: Words) -> Option<AttributeValue> {
    words.stored().map(string)
}

/// The place of a file name in the alphabet.
fn sort_name(name: &str) -> AttributeValue {
    string(fold(name))
}
