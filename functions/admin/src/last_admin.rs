//! The rule that somebody must be an admin.

use api::{Problem, ProblemCode};
use domain::{AuditId, UserId};
use lambda_http::tracing::error;
use store::Records;

use crate::Pool;

/// Makes a change after which `user` is no admin who can log in, unless nobody else is one. Such changes take turns,
/// because two that run at the same time could each find the other user.
///
/// # Errors
/// 409 `last-admin`, 503 `unavailable` if another such change takes too long, and the errors of the change.
pub async fn unless_last_admin<T>(
    pool: &Pool,
    records: &Records,
    user: &UserId,
    change: impl AsyncFnOnce() -> Result<T, Problem>,
) -> Result<T, Problem> {
    let holder = AuditId::generate().to_string();
    records.lock_admins(&holder, domain::now()).await?;
    let result = match check(pool, user).await {
        Ok(()) => change().await,
        Err(problem) => Err(problem),
    };
    if let Err(cause) = records.unlock_admins(&holder).await {
        // The lock expires.
        error!(cause = aws::causes(&cause), "releasing the lock of the admins failed");
    }
    result
}

async fn check(pool: &Pool, user: &UserId) -> Result<(), Problem> {
    let admins = pool.admins().await?;
    let mut able = admins.iter().filter(|admin| admin.can_log_in());
    if admins.iter().any(|admin| admin.id == *user) && able.all(|admin| admin.id == *user) {
        let detail = "This user is the last admin who can log in. Make another user an admin first.";
        return Err(Problem::new(ProblemCode::LastAdmin, detail));
    }
    Ok(())
}
