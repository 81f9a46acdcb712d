//! The parameter `AdminTotp`. It is off in the local stack, so this test turns it on for one function.

use anyhow::Result;
use serde_json::json;
use tests::Stack;

use crate::{TURN, astray};

#[tokio::test]
async fn admins_can_be_required_to_have_a_second_factor() -> Result<()> {
    let _turn = TURN.lock().await;
    let stack = Stack::connect()?;
    let mut admin = stack.user().await?;
    let group = json!({
        "UserPoolId": stack.outputs.user_pool_id, "Username": admin.username, "GroupName": "admin",
    });
    stack.cognito("AdminAddUserToGroup", &group).await?;
    admin.tokens = serde_json::from_value(admin.log_in().await?.json(200)?)?;
    let outcome = astray(&stack, "AdminUsersList", ("ADMIN_TOTP", "on"), async || {
        let users = "/api/admin/users?limit=1";
        admin.get(users).await?.problem(403, "second-factor-required")?;
        // The other endpoints do not need one, so the admin can set it up.
        admin.get("/api/images").await?.expect(200)?;
        let before = admin.clone();
        admin.set_up_totp().await?;
        admin.get(users).await?.expect(200)?;
        // A session that began without a code does not profit from the setup.
        before.get(users).await?.problem(401, "unauthorized")?;
        // Whoever is no admin learns nothing of the rule.
        stack.user().await?.get(users).await?.problem(403, "admins-only").map(drop)
    })
    .await;
    stack.cognito("AdminRemoveUserFromGroup", &group).await?;
    outcome
}
