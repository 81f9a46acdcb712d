//! The last admin stays, also when requests race, and the audit trail shows what Cognito refused

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::{Stack, User, until};

use crate::{COGNITO, TURN, astray, nobody};

/// A call to Cognito about a user.
async fn cognito(stack: &Stack, operation: &str, username: &str, more: Value) -> Result<()> {
    let mut body = json!({"UserPoolId": stack.outputs.user_pool_id, "Username": username});
    for (name, value) in more.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    let target = format!("AWSCognitoIdentityProviderService.{operation}");
    stack.aws.json("cognito-idp", &target, &body).await.map(drop)
}

/// Makes a user an admin who can log in, whatever a test has done.
async fn restore(stack: &Stack, username: &str) -> Result<()> {
    cognito(stack, "AdminEnableUser", username, json!({})).await?;
    cognito(stack, "AdminAddUserToGroup", username, json!({"GroupName": "admin"})).await
}

/// Changes a user as an admin. API Gateway accepts the token of a session that has ended. So an admin who has lost all
/// rights can still try, and the same token works again after [`restore`].
async fn change(admin: &User, user: &User, change: &Value) -> Result<tests::Answer> {
    admin.patch(&format!("/api/admin/users/{}", user.id), change).await
}

#[tokio::test]
async fn the_last_admin_stays_also_when_two_requests_race() -> Result<()> {
    let _turn = TURN.lock().await;
    let stack = Stack::connect()?;
    let (admin, other) = tokio::try_join!(stack.admin(), stack.user())?;
    let outcome = async {
        let lost = [json!({"enabled": false}), json!({"admin": false})];
        for lost in &lost {
            change(&admin, &admin, lost).await?.problem(409, "last-admin")?;
        }
        admin.delete(&format!("/api/admin/users/{}", admin.id)).await?.problem(409, "last-admin")?;
        // A user who could not log in is no other admin.
        restore(&stack, &other.username).await?;
        cognito(&stack, "AdminDisableUser", &other.username, json!({})).await?;
        change(&admin, &admin, &lost[0]).await?.problem(409, "last-admin")?;
        for round in 0..6 {
            restore(&stack, &admin.username).await?;
            restore(&stack, &other.username).await?;
            let (first, second) = (&lost[round % 2], &lost[round / 3]);
            let (first, second) =
                tokio::try_join!(change(&admin, &admin, first), change(&admin, &other, second))?;
            let mut statuses = [first.status, second.status];
            statuses.sort_unstable();
            // The second request finds that its user is the last admin, or that the caller is an admin no longer.
            let is_refused = statuses == [200, 409] || statuses == [200, 403];
            ensure!(is_refused, "round {round}: {} {}", first.text(), second.text());
        }
        anyhow::Ok(())
    };
    let outcome = outcome.await;
    restore(&stack, &admin.username).await?;
    cognito(&stack, "AdminDeleteUser", &other.username, json!({})).await?;
    outcome
}

#[tokio::test]
async fn a_change_that_cognito_does_not_answer_is_marked_in_the_trail() -> Result<()> {
    let _turn = TURN.lock().await;
    let stack = Stack::connect()?;
    let (admin, user) = tokio::try_join!(stack.admin(), stack.user())?;
    let address = nobody().await?;
    astray(&stack, "AdminUsersUpdate", (COGNITO, &address), async || {
        change(&admin, &user, &json!({"enabled": false})).await?.problem(503, "unavailable").map(drop)
    })
    .await?;
    let path = format!("/api/admin/audit?target={}", user.id);
    let entry = until("the entry", async || {
        let page = admin.get(&path).await?.json(200)?;
        Ok(page["entries"].as_array().context("no list")?.first().cloned())
    })
    .await?;
    assert_eq!((&entry["outcome"], &entry["code"]), (&json!("failed"), &json!("unavailable")));
    Ok(())
}
