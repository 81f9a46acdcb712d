//! Lists a user's images by the times at which their pictures were taken.
//!
//! The index contains only keys. So a change of an image is not also a write to the index, unless the time changes, and
//! the place at which a picture was taken is not copied. The images are read in a second call, from the table: only their
//! order may be older than they are.

use std::collections::HashMap;

use aws::CallError;
use aws_sdk_dynamodb::{
    error::{ProvideErrorMetadata, SdkError},
    operation::query::QueryError,
};
use domain::{Image, ImageId, Order, Status, TakenPosition, Timestamp, UserId};

use crate::dynamodb::{
    condition::{Condition, between, eq, ge, lt},
    keys::{Item, TAKEN_IMAGE, image_key, string, user_pk},
    records::{Page, Records},
};

/// How many images a request looks at if it has to leave some out. With images of two kilobytes, this is one megabyte.
pub(crate) const LOOKED_AT: usize = 500;

impl Records {
    /// A user's images in the order of the times at which their pictures were taken, beginning after `after`. Each image
    /// comes with its position.
    ///
    /// With a status, or if images are in the trash, at most 500 images are looked at. Therefore a page can be short or
    /// empty although more images follow. `next` shows whether more follow.
    ///
    /// Two calls: the index, which may lag behind the table, and then the images. Four if the page would be short.
    ///
    /// # Errors
    /// [`CallError`]. It is [`CallError::Unavailable`] while DynamoDB builds the index.
    #[expect(clippy::too_many_arguments, reason = "a list has all of them")]
    pub async fn images_by_taken_at(
        &self,
        user: &UserId,
        status: Option<Status>,
        range: &TakenRange,
        order: Order,
        after: Option<&TakenPosition>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Page<(TakenPosition, Image), TakenPosition>, CallError> {
        let mut count = if status.is_some() { LOOKED_AT } else { limit };
        let (mut found, mut next) = (Vec::with_capacity(limit), after.cloned());
        loop {
            let (positions, following) =
                self.taken_positions(user, range, order, next.as_ref(), count).await?;
            let ids = positions.iter().map(|position| position.image);
            let images = self.images_by_id(user, ids, now).await?;
            let mut images: HashMap<ImageId, Image> =
                images.into_iter().map(|image| (image.id, image)).collect();
            found.extend(positions.into_iter().filter_map(|position| {
                // While the index changes the position of an image, it may contain both.
                let image = images.remove(&position.image)?;
                status.is_none_or(|status| image.status == status).then_some((position, image))
            }));
            if following.is_none() || found.len() >= limit || count == LOOKED_AT {
                return Ok(Page::new(found, limit, |(position, _)| position.clone(), following));
            }
            // Some of the images are in the trash, so many may be.
            (count, next) = (LOOKED_AT, following);
        }
    }

    /// At most `count` positions, and the last one of them if more follow.
    async fn taken_positions(
        &self,
        user: &UserId,
        range: &TakenRange,
        order: Order,
        after: Option<&TakenPosition>,
        count: usize,
    ) -> Result<(Vec<TakenPosition>, Option<TakenPosition>), CallError> {
        let start = after.map(|position| {
            let mut key = image_key(user, position.image);
            key.insert(TAKEN_IMAGE.to_owned(), string(position.to_string()));
            key
        });
        let answer = self
            .query(range.condition(user), None)?
            .index_name("by_user_taken_at")
            .scan_index_forward(order == Order::Ascending)
            .set_exclusive_start_key(start)
            // One more than wanted, to know whether more follow.
            .limit(i32::try_from(count + 1).unwrap_or(i32::MAX))
            .send()
            .await
            .map_err(unless_building)?;
        let items = answer.items.unwrap_or_default();
        let mut positions: Vec<TakenPosition> = items.iter().filter_map(position_of).collect();
        // DynamoDB also ends a page after one megabyte.
        let follows = positions.len() > count || answer.last_evaluated_key.is_some();
        positions.truncate(count);
        let next = positions.last().filter(|_| follows).cloned();
        Ok((positions, next))
    }

    /// All positions in a range. One call reads one megabyte, which are some 8,000 positions.
    pub(crate) async fn all_taken_positions(
        &self,
        user: &UserId,
        range: &TakenRange,
    ) -> Result<Vec<TakenPosition>, CallError> {
        let query = self.query(range.condition(user), None)?.index_name("by_user_taken_at");
        let (mut positions, mut start) = (Vec::new(), None);
        loop {
            let answer =
                query.clone().set_exclusive_start_key(start).send().await.map_err(unless_building)?;
            positions.extend(answer.items.unwrap_or_default().iter().filter_map(position_of));
            start = answer.last_evaluated_key;
            if start.is_none() {
                return Ok(positions);
            }
        }
    }
}

/// When a picture was taken, as the clock of the camera showed it: from `after`, and before `before`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TakenRange {
    /// The earliest time, such as `2026-05-01T14:30:00`.
    pub after: Option<String>,
    /// The first time after the range.
    pub before: Option<String>,
}

impl TakenRange {
    /// Whether the range has no limits.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.after.is_none() && self.before.is_none()
    }

    /// Whether a position is in the range. The order of the texts is that of the times.
    pub(crate) fn contains(&self, position: &TakenPosition) -> bool {
        let position = position.to_string();
        self.after.as_ref().is_none_or(|after| position >= *after)
            && self.before.as_ref().is_none_or(|before| position < *before)
    }

    /// The key condition of a query of the index. No position equals a limit, because each contains the id of its image.
    fn condition(&self, user: &UserId) -> Condition {
        let of_user = eq("pk", user_pk(user));
        match (self.after.as_deref(), self.before.as_deref()) {
            (None, None) => of_user,
            (Some(after), None) => of_user.and(ge(TAKEN_IMAGE, string(after))),
            (None, Some(before)) => of_user.and(lt(TAKEN_IMAGE, string(before))),
            // DynamoDB refuses a range whose end is before its beginning.
            (Some(after), Some(before)) => {
                of_user.and(between(TAKEN_IMAGE, string(after), string(before.max(after))))
            }
        }
    }
}

/// The position in an item of the index.
fn position_of(item: &Item) -> Option<TakenPosition> {
    item.get(TAKEN_IMAGE)?.as_s().ok()?.parse().ok()
}

/// CloudFormation does not wait until a new index is built, and DynamoDB refuses queries until then: "Cannot read from
/// backfilling global secondary index" (issue 1075 of the repository aws-cloudformation/cloudformation-coverage-roadmap).
fn unless_building(error: SdkError<QueryError>) -> CallError {
    let message = error.as_service_error().and_then(ProvideErrorMetadata::message).unwrap_or_default();
    if message.contains("backfilling global secondary index") {
        CallError::Unavailable("DynamoDB builds the index of an upgrade".into())
    } else {
        error.into()
    }
}
