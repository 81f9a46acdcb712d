//! Users of the user pool, in Cognito's JSON.

use serde_json::{Value, json};

/// A user with this id who can log in, as `ListUsers` and `ListUsersInGroup` return it.
#[must_use]
pub fn pool_user(id: &str) -> Value {
    let attributes = json!([{"Name": "sub", "Value": id}]);
    json!({"Username": id, "Enabled": true, "UserStatus": "CONFIRMED", "Attributes": attributes})
}
