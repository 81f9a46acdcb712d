//! The trash: deleted images that their owner can restore.

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// When an image was moved to the trash, and when it is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trash {
    /// When the owner moved the image to the trash.
    pub moved_at: Timestamp,
    /// When the image is deleted, in seconds since 1970. From then on, nobody can restore it.
    pub until: i64,
}

impl Trash {
    /// The trash of an image that is moved there now and stays for this number of days.
    #[must_use]
    pub fn for_days(days: u64, now: Timestamp) -> Self {
        const SECONDS_PER_DAY: i64 = 24 * 60 * 60;
        let days = i64::try_from(days).unwrap_or(i64::MAX);
        Self { moved_at: now, until: now.as_second().saturating_add(days.saturating_mul(SECONDS_PER_DAY)) }
    }

    /// When the image is deleted.
    #[must_use]
    pub fn deleted_at(&self) -> Timestamp {
        Timestamp::from_second(self.until).unwrap_or(Timestamp::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Status, samples::replaced};
    use super::*;

    #[test]
    fn an_image_in_the_trash_is_hidden_and_can_be_restored_until_its_time_is_over() {
        let now = Timestamp::from_second(1_773_342_238).unwrap();
        let later = |seconds| Timestamp::from_second(now.as_second() + seconds).unwrap();
        let mut image = replaced(Status::Ready);
        assert!(image.clone().unless_hidden(now).is_some() && image.clone().if_in_trash(now).is_none());
        let trash = Trash::for_days(30, now);
        image.trash = Some(trash);
        assert_eq!(trash.deleted_at(), later(30 * 24 * 60 * 60));
        assert!(image.clone().unless_hidden(now).is_none() && image.clone().if_in_trash(now).is_some());
        assert!(image.clone().if_in_trash(later(30 * 24 * 60 * 60 - 1)).is_some());
        assert!(image.if_in_trash(later(30 * 24 * 60 * 60)).is_none());
    }
}
