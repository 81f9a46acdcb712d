//! Imports image sets.

use domain::{ImageSet, SetId, SetText, UserId};
use store::{CreateError, Records};

use crate::{
    limits::{reason, until_allowed},
    manifest::SetLine,
    outcome::{LineError, Outcome, refused, unavailable},
};

/// The reason for a line whose id an earlier import used for something else.
pub(crate) const USED_BEFORE: &str =
    "id: an earlier import used this id for something else. Begin the ids of each application with its name";

/// Creates a set, unless an earlier import created it.
pub(crate) async fn import(
    records: &Records,
    user: &UserId,
    line: &SetLine,
) -> Result<(Outcome, SetId), LineError> {
    let key = line.key();
    if let Some(imported) = records.imported(user, &key).await? {
        if imported.request != key.request {
            return Err(refused(USED_BEFORE));
        }
        let id = imported.id.parse();
        return Ok((Outcome::Exists, id.map_err(aws::CallError::internal)?));
    }
    let created_at = line.created_at.0;
    let text = SetText { title: line.title.clone(), description: line.description.clone() };
    let set = ImageSet {
        id: SetId::generate_at(created_at),
        updated_at: line.updated_at.map_or(created_at, |time| time.0).max(created_at),
        ..ImageSet::new(text, created_at)
    };
    match until_allowed(async || records.import_set(user, &set, &key, domain::now()).await).await {
        Ok(()) => Ok((Outcome::Created, set.id)),
        Err(CreateError::KeyReused) => Err(unavailable("another import creates the same set")),
        Err(CreateError::Call(error)) => Err(error.into()),
        Err(error) => Err(refused(reason(&error))),
    }
}
