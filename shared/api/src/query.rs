//! Paths and query strings.

use domain::{ImageId, Status};
use lambda_http::{Request, RequestExt};

use crate::{Cursor, Problem};

/// The image id in the path.
///
/// # Errors
/// 404, as for any other image that is not there.
pub fn path_id(request: &Request) -> Result<ImageId, Problem> {
    let parameters = request.path_parameters_ref();
    let id = parameters.and_then(|parameters| parameters.first("id")).unwrap_or_default();
    id.parse().map_err(|_| Problem::not_found())
}

/// The query string of a request.
#[derive(Debug)]
pub struct Query<'a>(&'a Request);

impl<'a> Query<'a> {
    /// Items of a list where the caller asks for no number.
    const DEFAULT_LIMIT: usize = 20;
    /// The most items of a list.
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
        let Some(text) = self.get("limit") else { return Ok(Self::DEFAULT_LIMIT) };
        let limit = text.parse().ok().filter(|limit| (1..=Self::MAX_LIMIT).contains(limit));
        limit.ok_or_else(|| Problem::invalid_field("limit", format!("limit: 1 to {}", Self::MAX_LIMIT)))
    }

    /// `status`: one of the states of an image.
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

    /// `cursor`: where the list of this owner and filter goes on.
    ///
    /// # Errors
    /// 400 `bad-cursor`
    pub fn cursor(&self, cursor: &Cursor<'_>) -> Result<Option<ImageId>, Problem> {
        self.get("cursor").map(|text| cursor.decode(text)).transpose()
    }

    fn get(&self, name: &str) -> Option<&'a str> {
        self.0.query_string_parameters_ref()?.first(name)
    }
}
