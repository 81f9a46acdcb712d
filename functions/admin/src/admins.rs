//! The rules about the group of admins: only present members make certain changes, and somebody must be in it.

use api::{Caller, Problem, ProblemCode};
use domain::{AuditId, UserId};
use lambda_http::tracing::error;
use store::Records;

use crate::{Pool, PoolUser};

/// Checks that the caller is an admin at this moment. An access token names the groups of the last login or refresh.
/// API Gateway accepts it for up to an hour after the user was disabled or taken out of the group. So the token alone
/// would let removed admins give themselves their rights back, and delete what cannot be restored.
///
/// # Errors
/// 403 `admins-only`
pub async fn require_admin(pool: &Pool, caller: &Caller) -> Result<(), Problem> {
    present_admins(pool, caller).await.map(drop)
}

/// The users in the group of admins at this moment, if the caller is one of them as in [`require_admin`].
///
/// # Errors
/// 403 `admins-only`
pub async fn present_admins(pool: &Pool, caller: &Caller) -> Result<Vec<PoolUser>, Problem> {
    let admins = pool.admins().await?;
    check_caller(&admins, caller)?;
    Ok(admins)
}

/// Makes a change after which `user` is no admin who can log in, unless nobody else is one. Such changes take turns,
/// because two that run at the same time could each find the other user. Before the change, it checks the caller like
/// [`require_admin`], with the same call to Cognito.
///
/// # Errors
/// 403 `admins-only`, 409 `last-admin`, 503 `unavailable` if another such change takes too long, and the errors of the
/// change.
pub async fn unless_last_admin<T>(
    pool: &Pool,
    records: &Records,
    caller: &Caller,
    user: &UserId,
    change: impl AsyncFnOnce() -> Result<T, Problem>,
) -> Result<T, Problem> {
    let holder = AuditId::generate().to_string();
    records.lock_admins(&holder, domain::now()).await?;
    let result = match check(pool, caller, user).await {
        Ok(()) => change().await,
        Err(problem) => Err(problem),
    };
    if let Err(cause) = records.unlock_admins(&holder).await {
        // The lock expires.
        error!(cause = aws::causes(&cause), "releasing the lock of the admins failed");
    }
    result
}

async fn check(pool: &Pool, caller: &Caller, user: &UserId) -> Result<(), Problem> {
    let admins = pool.admins().await?;
    check_caller(&admins, caller)?;
    let mut able = admins.iter().filter(|admin| admin.can_log_in());
    if admins.iter().any(|admin| admin.id == *user) && able.all(|admin| admin.id == *user) {
        let detail = "This user is the last admin who can log in. Make another user an admin first.";
        return Err(Problem::new(ProblemCode::LastAdmin, detail));
    }
    Ok(())
}

fn check_caller(admins: &[PoolUser], caller: &Caller) -> Result<(), Problem> {
    match admins.iter().any(|admin| admin.id == caller.user && admin.can_log_in()) {
        true => Ok(()),
        false => Err(Problem::admins_only()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use test_support::{FakeAws, TestRequest, USER, ok};

    use super::*;

    fn user(id: &str, is_enabled: bool, status: &str) -> Value {
        let attributes = json!([{"Name": "sub", "Value": id}]);
        json!({"Username": id, "Enabled": is_enabled, "UserStatus": status, "Attributes": attributes})
    }

    async fn check(admins: &[Value]) -> Result<(), Problem> {
        let aws = FakeAws::new([ok("ListUsersInGroup", json!({"Users": admins}))]);
        let caller = Caller::admin(&TestRequest::new("PATCH").admin().build()).await?;
        require_admin(&Pool::new(&aws.config(), "pool".to_owned()), &caller).await
    }

    #[tokio::test]
    async fn the_token_of_a_removed_or_disabled_admin_is_not_enough() {
        let other = user("another", true, "CONFIRMED");
        check(&[other.clone(), user(USER, true, "CONFIRMED")]).await.unwrap();
        for removed in [
            vec![],
            vec![other.clone()],
            vec![other.clone(), user(USER, false, "CONFIRMED")],
            // Another admin has replaced the password, and whoever has the token does not know the new one.
            vec![other, user(USER, true, "FORCE_CHANGE_PASSWORD")],
        ] {
            let problem = check(&removed).await.unwrap_err();
            assert_eq!(problem.code(), ProblemCode::AdminsOnly, "{removed:?}");
        }
    }
}
