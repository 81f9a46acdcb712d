//! The items of a page, limited by the size of the response.

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use crate::Problem;

/// The items of a page. The page ends early if its response would become too large.
///
/// The response of a function has at most 6 MB (AWS Lambda, "Lambda quotas", invocation payload). Most bytes of a list
/// are presigned URLs. Each has 1.4 to 2 KB, because it contains the session token of the role.
#[derive(Debug)]
pub struct PageItems<I> {
    items: Vec<Box<RawValue>>,
    bytes: usize,
    last: Option<I>,
    is_full: bool,
}

impl<I> Default for PageItems<I> {
    fn default() -> Self {
        Self { items: Vec::new(), bytes: 0, last: None, is_full: false }
    }
}

impl<I> PageItems<I> {
    /// The maximum size of all items, in bytes. It leaves room for the rest of the response and for longer tokens.
    pub const MAX_BYTES: usize = 4_000_000;

    /// Adds an item if the page has room for it, and returns whether it did. If not, the page ends before this item. The
    /// first item is always added.
    ///
    /// # Errors
    /// 500 if the item cannot be serialized.
    pub fn push(&mut self, id: I, item: &impl Serialize) -> Result<bool, Problem> {
        let item = to_raw_value(item).map_err(Problem::internal)?;
        let bytes = self.bytes + carried_bytes(item.get());
        self.is_full = bytes > Self::MAX_BYTES && !self.items.is_empty();
        if !self.is_full {
            self.items.push(item);
            (self.bytes, self.last) = (bytes, Some(id));
        }
        Ok(!self.is_full)
    }

    /// The items, and the id after which the next page begins: `next`, unless this page ended early.
    #[must_use]
    pub fn finish(self, next: Option<I>) -> (Vec<Box<RawValue>>, Option<I>) {
        (self.items, if self.is_full { self.last } else { next })
    }
}

/// The size of JSON in the response of a function, in bytes. There it is inside a JSON string, so each quotation mark and
/// each backslash takes two bytes. JSON contains no unescaped control characters.
fn carried_bytes(json: &str) -> usize {
    json.len() + memchr::memchr2_iter(b'"', b'\\', json.as_bytes()).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_of_an_item_includes_its_escapes() {
        for text in ["", "plain", "\"\\\n\u{1}", "é<😀"] {
            let json = serde_json::to_string(text).unwrap();
            let carried = serde_json::to_string(&json).unwrap();
            assert_eq!(carried_bytes(&json), carried.len() - 2, "{text}");
        }
    }

    #[test]
    fn a_page_ends_before_the_item_that_does_not_fit_and_the_next_page_begins_with_it() {
        let item = "x".repeat(PageItems::<u32>::MAX_BYTES / 4);
        let mut page = PageItems::default();
        let shown = (1..=10).find(|id| !page.push(*id, &item).unwrap());
        assert_eq!(shown, Some(4));
        let (items, next) = page.finish(Some(10));
        assert_eq!((items.len(), next), (3, Some(3)));
    }

    #[test]
    fn a_page_that_is_not_full_keeps_the_cursor_of_the_list() {
        let mut page = PageItems::default();
        assert!(page.push(1, &"x").unwrap());
        assert_eq!(page.finish(Some(7)).1, Some(7));
        assert_eq!(PageItems::<u32>::default().finish(None).1, None);
    }

    #[test]
    fn an_item_that_is_too_large_has_a_page_of_its_own() {
        let mut page = PageItems::default();
        assert!(page.push(1, &"x".repeat(PageItems::<u32>::MAX_BYTES)).unwrap());
        assert!(!page.push(2, &"x").unwrap());
        assert_eq!(page.finish(None).1, Some(1));
    }
}
