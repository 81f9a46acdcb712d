//! Expiring links. The address of a link is a presigned URL, which nobody can count. So each link also has an item, which
//! expires when the link does.

use aws::CallError;
use domain::{Addition, ImageId, LimitError, LinkId, Profile, Timestamp, UserId};

use crate::{
    dynamodb::{
        keys::{link_key, number, string},
        records::Records,
        transactions::TransactItemKind,
    },
    usage::{Count, CountError},
};

/// Why a link was not created.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// A limit of the user was exceeded.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// AWS failed.
    #[error(transparent)]
    Call(#[from] CallError),
}

impl From<CountError> for LinkError {
    fn from(error: CountError) -> Self {
        match error {
            CountError::Limit(error) => error.into(),
            CountError::Call(error) => error.into(),
        }
    }
}

impl Records {
    /// Records that a link to an image works until `expires_at`, and counts it. `profile` was read before.
    ///
    /// One call. Up to three calls if the user has as many links as the tier allows.
    ///
    /// # Errors
    /// [`LinkError`]
    pub async fn create_link(
        &self,
        user: &UserId,
        profile: Profile,
        image: ImageId,
        expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<(), LinkError> {
        use TransactItemKind as Kind;
        // Other requests of the user may change the profile.
        const ROUNDS: usize = 4;
        let mut link = link_key(user, LinkId::generate());
        link.insert("image".to_owned(), string(image.to_string()));
        link.insert("expires_at".to_owned(), number(expires_at.as_second()));
        let added = Addition { links: 1, ..Addition::default() };
        let mut count = Count::of(self, user, Some(profile), added, now).await?;
        for _ in 0..ROUNDS {
            let items = vec![(Kind::Profile, count.item()?), (Kind::New, self.put_new(link.clone())?)];
            match self.transact_kinds(items).await? {
                None => return Ok(()),
                Some((Kind::Profile, profile)) => count.refused(profile).await?,
                Some(_) => return Err(CallError::internal("a new link's id is in use").into()),
            }
        }
        Err(CallError::Unavailable("the profile keeps changing".into()).into())
    }
}
