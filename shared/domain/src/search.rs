//! The search for images by words.
//!
//! A word of the query matches a word of the image that begins with it. All words of the query must match. Words are
//! compared after folding: `STRASSE` matches `Straße`, and `cafe` matches `Café`.

use std::collections::BTreeSet;

use caseless::Caseless;
use unicode_normalization::UnicodeNormalization;
use unicode_segmentation::UnicodeSegmentation;

use crate::{Analysis, Image};

/// The words of a text in the form in which the table stores them: folded, each once, each after a space. So a word that
/// begins with `x` is where the text contains a space and `x`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words(String);

impl Words {
    /// The maximum length, in bytes. Further words are not found. A description of 5,000 characters has fewer different
    /// words, unless it is no prose.
    const MAX_BYTES: usize = 4_000;

    /// The words of a text.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let mut words = String::new();
        let mut seen = BTreeSet::new();
        for word in split(text) {
            if words.len() + 1 + word.len() <= Self::MAX_BYTES && seen.insert(word.clone()) {
                words.push(' ');
                words.push_str(&word);
            }
        }
        Self(words)
    }

    /// The words of an analysis: those of the model's description and of its tags.
    #[must_use]
    pub fn of_analysis(analysis: Option<&Analysis>) -> Self {
        let findings = analysis.and_then(|analysis| analysis.findings.as_ref());
        let texts = findings.map(|found| format!("{} {}", found.description, found.tags.join(" ")));
        texts.map_or_else(Self::default, |texts| Self::of(&texts))
    }

    /// The stored form. `None` if there is no word.
    #[must_use]
    pub fn stored(self) -> Option<String> {
        Some(self.0).filter(|words| !words.is_empty())
    }

    fn contain(&self, word: &str) -> bool {
        self.0.match_indices(word).any(|(at, _)| self.0[..at].ends_with(' '))
    }
}

/// The words of a query: at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchWords(Vec<String>);

impl SearchWords {
    /// The maximum number of words.
    pub const MAX: usize = 10;

    /// The words of a query. `None` if it has no word, or more than [`SearchWords::MAX`].
    #[must_use]
    pub fn of(query: &str) -> Option<Self> {
        let words: BTreeSet<String> = split(query).collect();
        (1..=Self::MAX).contains(&words.len()).then(|| Self(words.into_iter().collect()))
    }

    /// The folded words.
    #[must_use]
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }

    /// Whether each word is the beginning of a word in the file name, the title, the description or the analysis of the
    /// image.
    #[must_use]
    pub fn match_image(&self, image: &Image) -> bool {
        let texts = [
            Words::of(image.file_name.as_str()),
            image.title.as_ref().map_or_else(Words::default, |title| Words::of(title.as_str())),
            image.description.as_ref().map_or_else(Words::default, |text| Words::of(text.as_str())),
            Words::of_analysis(image.analysis.as_ref()),
        ];
        self.0.iter().all(|word| texts.iter().any(|text| text.contain(word)))
    }
}

/// A text in which upper and lower case, and letters with and without accents, are equal. It is decomposed (NFKD), and
/// its case is folded (The Unicode Standard, sections 3.11 and 3.13, "Default Case Folding").
///
/// Only the accents of the block "Combining Diacritical Marks" are left out: in other scripts, such as Devanagari, marks
/// are vowels.
#[must_use]
pub fn fold(text: &str) -> String {
    let folded: String = text.nfkd().default_case_fold().collect();
    folded.nfkd().filter(|c| !matches!(c, '\u{300}'..='\u{36f}')).collect()
}

/// The folded words of a text. A word ends at each punctuation mark, so that `beach` is found in `IMG_beach.jpg`. Other
/// limits of words are those of Unicode Standard Annex 29.
fn split(text: &str) -> impl Iterator<Item = String> {
    const MAX_CHARACTERS: usize = 64;
    let spaced: String = fold(text)
        .chars()
        .map(|c| if c.is_ascii_punctuation() || matches!(c, '’' | '‘') { ' ' } else { c })
        .collect();
    let words: Vec<String> =
        spaced.unicode_words().map(|word| word.chars().take(MAX_CHARACTERS).collect()).collect();
    words.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ContentType, Findings, NewImage, Upload};

    fn image(file_name: &str) -> Image {
        let upload =
            Upload { content_type: ContentType::Png, size: 1.try_into().unwrap(), checksum_sha256: None };
        let file_name = file_name.to_owned().try_into().unwrap();
        Image::pending(NewImage { file_name, title: None, description: None, upload }, crate::now())
    }

    fn matches(query: &str, image: &Image) -> bool {
        SearchWords::of(query).is_some_and(|words| words.match_image(image))
    }

    #[test]
    fn words_match_by_their_beginnings_whatever_their_case_and_accents() {
        for (name, query, is_found) in [
            ("IMG_Beach-2024.jpg", "beach", true),
            ("IMG_Beach-2024.jpg", "2024 BEA img", true),
            ("IMG_Beach-2024.jpg", "each", false),
            ("IMG_Beach-2024.jpg", "beach 2025", false),
            ("Straße.png", "STRASSE", true),
            ("Café.png", "cafe", true),
            ("cafe\u{301}.png", "CAFÉ", true),
            ("l'été.png", "ete", true),
            ("ﬁsh.png", "fish", true),
            ("Ὀδυσσεύς.png", "οδυσσευσ", true),
            ("東京タワー.png", "東京", true),
            ("हिन्दी.png", "हि", true),
            ("हिन्दी.png", "हु", false),
        ] {
            assert_eq!(matches(query, &image(name)), is_found, "{query} in {name}");
        }
    }

    #[test]
    fn each_word_may_be_in_another_text() {
        let mut image = image("a.png");
        image.title = "Our house".to_owned().try_into().ok();
        image.description = "In the\nmountains".to_owned().try_into().ok();
        let mut analysis = Analysis::queued(None, false, crate::now());
        assert!(matches("house mountain a", &image) && !matches("house dog", &image));
        analysis.findings = Some(Findings {
            description: "A dog on grass.".to_owned(),
            tags: vec!["animal".to_owned()],
            ..Findings::default()
        });
        image.analysis = Some(analysis);
        assert!(matches("house dog anim", &image));
    }

    #[test]
    fn a_query_has_one_to_ten_words() {
        assert_eq!(SearchWords::of(" ... !"), None);
        assert_eq!(SearchWords::of("a b a").unwrap().as_slice(), ["a", "b"]);
        assert_eq!(SearchWords::of("a b c d e f g h i j k"), None);
    }

    #[test]
    fn what_is_stored_is_bounded_and_has_each_word_once() {
        assert_eq!(Words::of("Dog, dog & CAT.").stored().unwrap(), " dog cat");
        assert_eq!(Words::of("!").stored(), None);
        let many: String = (0..2_000).map(|number| format!("{number} ")).collect();
        let stored = Words::of(&many).stored().unwrap();
        assert!(stored.len() <= Words::MAX_BYTES && stored.len() > 3_900, "{}", stored.len());
    }
}
