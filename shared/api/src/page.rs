//! The items of a page, as many as an answer can carry.

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use crate::Problem;

/// The items of a page, which ends early where its answer would become too large.
///
/// A function's answer has at most 6 MB (AWS Lambda, "Lambda quotas", invocation payload). Most of a list's bytes are
/// presigned URLs: each has the role's session token, and so 1.4 to 2 KB.
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
    /// The most bytes of all items together, which leaves room for the rest of the answer and for longer tokens.
    pub const MAX_BYTES: usize = 4_000_000;

    /// Adds an item, if there is room for it. Returns whether there was: if not, the page ends before it. The first item
    /// always has room.
    ///
    /// # Errors
    /// 500 where the item cannot be written as JSON.
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

/// How many bytes JSON has inside of a function's answer, where it is a JSON string: a quotation mark or a backslash has
/// two there. JSON has no bare control characters.
fn carried_bytes(json: &str) -> usize {
    json.len() + json.bytes().filter(|byte| matches!(byte, b'"' | b'\\')).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_counted_as_an_answer_carries_them() {
        for text in ["", "plain", "\"\\\n\u{1}", "é<😀"] {
            let json = serde_json::to_string(text).unwrap();
            let carried = serde_json::to_string(&json).unwrap();
            assert_eq!(carried_bytes(&json), carried.len() - 2, "{text}");
        }
    }

    #[test]
    fn a_page_ends_before_the_item_that_is_too_much_and_goes_on_with_it() {
        let item = "x".repeat(PageItems::<u32>::MAX_BYTES / 4);
        let mut page = PageItems::default();
        let shown = (1..=10).find(|id| !page.push(*id, &item).unwrap());
        assert_eq!(shown, Some(4));
        let (items, next) = page.finish(Some(10));
        assert_eq!((items.len(), next), (3, Some(3)));
    }

    #[test]
    fn a_page_that_is_not_full_goes_on_where_the_list_does() {
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
