//! Parameters of the path and of the query string.

use std::str::FromStr;

use domain::{Order, SearchWords, SortBy, Status, Timestamp};
use lambda_http::{Request, RequestExt};
use store::TakenRange;

use crate::{Cursor, Problem};

/// The id in the path: `{id}`.
///
/// # Errors
/// 404 if the id has another form.
pub fn path_id<I: FromStr>(request: &Request) -> Result<I, Problem> {
    path(request, "id").parse().map_err(|_| Problem::not_found())
}

/// A parameter of the path, decoded by the gateway.
#[must_use]
pub fn path<'a>(request: &'a Request, name: &str) -> &'a str {
    let parameters = request.path_parameters_ref();
    parameters.and_then(|parameters| parameters.first(name)).unwrap_or_default()
}

/// The query string of a request.
#[derive(Debug)]
pub struct Query<'a>(&'a Request);

impl<'a> Query<'a> {
    /// The number of items on a page if the request has no `limit`.
    const DEFAULT_LIMIT: usize = 20;
    /// The maximum number of items on a page.
    const MAX_LIMIT: usize = 100;

    /// The query string of a request.
    #[must_use]
    pub fn of(request: &'a Request) -> Self {
        Self(request)
    }

    /// `limit`: 1 to 100, by default 20.
    ///
    /// # Errors
    /// 400 `invalid-field`
    pub fn limit(&self) -> Result<usize, Problem> {
        self.limit_to(Self::MAX_LIMIT)
    }

    /// `limit`: 1 to `max`, by default 20.
    ///
    /// # Errors
    /// 400 `invalid-field`
    pub fn limit_to(&self, max: usize) -> Result<usize, Problem> {
        let Some(text) = self.get("limit") else { return Ok(Self::DEFAULT_LIMIT) };
        let limit = text.parse().ok().filter(|limit| (1..=max).contains(limit));
        limit.ok_or_else(|| Problem::invalid_field("limit", format!("limit: 1 to {max}")))
    }

    /// A time in RFC 3339, such as `uploaded_after`.
    ///
    /// # Errors
    /// 400 `invalid-field`
    pub fn time(&self, name: &str) -> Result<Option<Timestamp>, Problem> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let time = text.parse().map(Some);
        time.map_err(|_| Problem::invalid_field(name, format!("{name}: a time such as 2026-03-12T19:03:58Z")))
    }

    /// `status`: the status of an image.
    ///
    /// # Errors
    /// 400 `invalid-field`
    pub fn status(&self) -> Result<Option<Status>, Problem> {
        const ALL: [Status; 4] = [Status::Pending, Status::Processing, Status::Ready, Status::Failed];
        let Some(text) = self.get("status") else { return Ok(None) };
        match ALL.into_iter().find(|status| status.as_str() == text) {
            Some(status) => Ok(Some(status)),
            None => Err(Problem::invalid_field("status", "status: pending, processing, ready or failed")),
        }
    }

    /// `sort`: what a list of images is ordered by. By default, the time of creation.
    ///
    /// # Errors
    /// 400 `invalid-field`
    pub fn sort(&self) -> Result<SortBy, Problem> {
        match self.get("sort") {
            None | Some("created_at") => Ok(SortBy::CreatedAt),
            Some("taken_at") => Ok(SortBy::TakenAt),
            Some("file_name") => Ok(SortBy::FileName),
            Some(_) => Err(Problem::invalid_field("sort", "sort: created_at, taken_at or file_name")),
        }
    }

    /// `order`: the direction of a list. By default, the latest time or the first name comes first.
    ///
    /// # Errors
    /// 400 `invalid-field`
    pub fn order(&self, sort: SortBy) -> Result<Order, Problem> {
        match self.get("order") {
            None if sort == SortBy::FileName => Ok(Order::Ascending),
            None | Some("desc") => Ok(Order::Descending),
            Some("asc") => Ok(Order::Ascending),
            Some(_) => Err(Problem::invalid_field("order", "order: asc or desc")),
        }
    }

    /// A parameter that is `true` or `false`, such as `permanent`. By default, false.
    ///
    /// # Errors
    /// 400 `invalid-field`
    pub fn flag(&self, name: &str) -> Result<bool, Problem> {
        match self.get(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(Problem::invalid_field(name, format!("{name}: true or false"))),
        }
    }

    /// `size`: a positive number of pixels.
    ///
    /// # Errors
    /// 400 `invalid-field`
    pub fn size(&self) -> Result<Option<u32>, Problem> {
        let Some(text) = self.get("size") else { return Ok(None) };
        let size = text.parse().ok().filter(|size| *size > 0);
        size.map(Some)
            .ok_or_else(|| Problem::invalid_field("size", "size: the longer side in pixels, such as 200"))
    }

    /// A positive number of pixels, such as `thumbnails`.
    ///
    /// # Errors
    /// 400 `invalid-field`
    pub(crate) fn pixels(&self, name: &str) -> Result<Option<u32>, Problem> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let pixels = text.parse().ok().filter(|pixels| *pixels > 0);
        pixels
            .map(Some)
            .ok_or_else(|| Problem::invalid_field(name, format!("{name}: a number of pixels, such as 256")))
    }

    /// `q`: the words of a search.
    ///
    /// # Errors
    /// 400 `invalid-field`
    pub fn words(&self) -> Result<Option<SearchWords>, Problem> {
        const MAX_CHARACTERS: usize = 200;
        let Some(text) = self.text("q") else { return Ok(None) };
        let words =
            Some(text).filter(|text| text.chars().count() <= MAX_CHARACTERS).and_then(SearchWords::of);
        words.map(Some).ok_or_else(|| {
            let max = SearchWords::MAX;
            Problem::invalid_field(
                "q",
                format!("q: 1 to {max} words with at most {MAX_CHARACTERS} characters"),
            )
        })
    }

    /// `taken_after` and `taken_before`: when a picture was taken.
    ///
    /// # Errors
    /// 400 `invalid-field`
    pub fn taken_range(&self) -> Result<TakenRange, Problem> {
        Ok(TakenRange { after: self.local_time("taken_after")?, before: self.local_time("taken_before")? })
    }

    /// A date or a time without an offset, in the form of the positions of images.
    fn local_time(&self, name: &str) -> Result<Option<String>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let time = domain::local_time(text).map(Some);
        time.ok_or_else(|| {
            let detail = format!("{name}: a date or a time without an offset, such as 2026-05-01T14:30:00");
            Problem::invalid_field(name, detail)
        })
    }

    /// `search`: 1 to 128 characters without control characters.
    ///
    /// # Errors
    /// 400 `invalid-field`
    pub fn search(&self) -> Result<Option<&'a str>, Problem> {
        const MAX_CHARACTERS: usize = 128;
        let Some(text) = self.text("search") else { return Ok(None) };
        if text.chars().count() > MAX_CHARACTERS || text.chars().any(char::is_control) {
            let detail = format!("search: 1 to {MAX_CHARACTERS} characters without control characters");
            return Err(Problem::invalid_field("search", detail));
        }
        Ok(Some(text))
    }

    /// `cursor`: the position at which the page begins.
    ///
    /// # Errors
    /// 400 `bad-cursor`
    pub fn cursor<I: FromStr>(&self, cursor: &Cursor<'_>) -> Result<Option<I>, Problem> {
        self.get("cursor").map(|text| cursor.decode(text)).transpose()
    }

    /// All names and values, sorted by name.
    #[must_use]
    pub fn pairs(&self) -> Vec<(&'a str, &'a str)> {
        let map = self.0.query_string_parameters_ref();
        let mut pairs: Vec<_> = map.into_iter().flat_map(|map| map.iter()).collect();
        pairs.sort_unstable();
        pairs
    }

    /// The text of a parameter, unless it is missing or empty.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&'a str> {
        self.get(name).filter(|text| !text.is_empty())
    }

    fn get(&self, name: &str) -> Option<&'a str> {
        self.0.query_string_parameters_ref()?.first(name)
    }
}
