//! Imports users.

use domain::{Tier, UserId};
use store::Records;

use crate::{
    manifest::UserLine,
    outcome::{LineError, Outcome, refused, unavailable},
    pool::Pool,
};

/// Creates a user, unless the user exists. The steps that follow the creation are repeated until the last one, the
/// password, has succeeded.
///
/// A user who exists is that of the line only if the confirmed e-mail address is the same. Otherwise somebody else could
/// have registered the name, and would get the images.
pub(crate) async fn import(
    pool: &Pool,
    records: &Records,
    line: &UserLine,
    is_invited: bool,
) -> Result<(Outcome, UserId), LineError> {
    let tier = match &line.tier {
        Some(id) => {
            let tier = records.tier(id).await?;
            Some(tier.ok_or_else(|| refused(format!("tier: there is no tier {id}")))?)
        }
        None => None,
    };
    let username = line.username.as_str();
    let mut outcome = Outcome::Exists;
    let mut found = pool.user(username).await?;
    if found.is_none() {
        pool.create(line).await?;
        outcome = Outcome::Created;
        found = pool.user(username).await?;
    }
    let user = found.ok_or_else(|| unavailable("Cognito does not show a new user yet"))?;
    if !user.is_email_verified || !user.email.eq_ignore_ascii_case(line.email.as_str()) {
        let reason = "username: a user with this name and another or no confirmed e-mail address exists";
        return Err(refused(reason));
    }
    if !user.needs_password || records.is_user_imported(&user.id).await? {
        return Ok((outcome, user.id));
    }
    if let Some(tier) = tier {
        set_tier(records, &user.id, tier).await?;
    }
    if line.admin {
        pool.make_admin(line).await?;
    }
    if !line.enabled {
        pool.disable(line).await?;
    }
    // A disabled user could not use the invitation, which expires. After an admin has enabled the user, "Forgot
    // password" works.
    if is_invited && line.enabled {
        pool.invite(line).await?;
        // The status stays the same until the first login. Without the marker, the next run would send another mail.
        records.complete_user_import(&user.id).await?;
    } else {
        pool.set_random_password(line).await?;
    }
    Ok((Outcome::Created, user.id))
}

async fn set_tier(records: &Records, user: &UserId, tier: Tier) -> Result<(), LineError> {
    if records.set_tier(user, &tier, domain::now()).await? {
        return Ok(());
    }
    Err(unavailable(format!("somebody changed the tier {}", tier.id)))
}
