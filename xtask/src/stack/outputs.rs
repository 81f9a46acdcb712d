//! `outputs.json`, which describes a stack to its users, and the users of a stack.

use std::fs;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::aws::Aws;

/// The content of `outputs.json`.
#[derive(Serialize, Deserialize)]
pub(crate) struct Outputs {
    pub(crate) api_url: String,
    pub(crate) web_url: String,
    /// The origin of the edge, or empty without it.
    #[serde(default)]
    pub(crate) edge_url: String,
    /// The address of all AWS services. Empty for AWS itself.
    pub(crate) endpoint_url: String,
    /// An origin, other than the API's own, whose pages may call the API.
    #[serde(default)]
    pub(crate) allowed_origin: String,
    pub(crate) region: String,
    pub(crate) user_pool_id: String,
    pub(crate) client_id: String,
    pub(crate) uploads_bucket: String,
    pub(crate) derived_bucket: String,
    pub(crate) table: String,
    pub(crate) stack_name: String,
    pub(crate) demo: User,
    pub(crate) admin: User,
    /// Credentials of the emulated account's root, for tests that look behind the API.
    pub(crate) access_key: String,
    pub(crate) secret_key: String,
    /// Only temporary credentials have one.
    #[serde(default)]
    pub(crate) session_token: Option<String>,
    /// Whether the stack is a deployment whose resources no test may change.
    #[serde(default)]
    pub(crate) is_remote: bool,
    pub(crate) api_id: String,
    /// Process id of the emulator, or 0 if there is none.
    pub(crate) pid: i32,
}

/// Someone who can sign in.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct User {
    pub(crate) username: String,
    pub(crate) password: String,
}

impl Outputs {
    /// Prints all addresses, and three requests to try.
    pub(crate) fn print(&self, file: &Path) {
        let Self { web_url, api_url, endpoint_url, demo, admin, .. } = self;
        let User { username, password } = demo;
        println!(
            r#"
Darkroom is running.
  Page       {web_url}
  demo user  {username} / {password}
  admin      {} / {}
  API        {api_url}/api
  AWS        {endpoint_url}  (emulated)
  all of it  {}

Try:
  TOKEN=$(curl -s {api_url}/api/auth/login -H 'content-type: application/json' -d '{{"username":"{username}","password":"{password}"}}' | python3 -c 'import json,sys; print(json.load(sys.stdin)["access_token"])')
  curl -s {api_url}/api/auth/profile -H "authorization: Bearer $TOKEN"
  curl -s {api_url}/api/images -H "authorization: Bearer $TOKEN" -H 'content-type: application/json' -d '{{"file_name":"cat.jpg","content_type":"image/jpeg","size":12345}}'"#,
            admin.username,
            admin.password,
            file.display()
        );
    }
}

/// Creates a confirmed user with its password, and returns its `sub`.
pub(crate) fn sign_up(aws: &mut Aws, pool: &str, user: &User, group: Option<&str>) -> Result<String> {
    let User { username, password } = user;
    let attributes = json!([
        {"Name": "email", "Value": format!("{username}@example.com")},
        {"Name": "email_verified", "Value": "true"},
    ]);
    let create = json!({
        "UserPoolId": pool, "Username": username, "UserAttributes": attributes, "MessageAction": "SUPPRESS",
    });
    aws.call_unless("UsernameExistsException", "cognito-idp", "admin_create_user", create)?;
    let set_password =
        json!({"UserPoolId": pool, "Username": username, "Password": password, "Permanent": true});
    aws.call("cognito-idp", "admin_set_user_password", set_password)?;
    if let Some(group) = group {
        let create = json!({"UserPoolId": pool, "GroupName": group});
        aws.call_unless("GroupExistsException", "cognito-idp", "create_group", create)?;
        let add = json!({"UserPoolId": pool, "Username": username, "GroupName": group});
        aws.call("cognito-idp", "admin_add_user_to_group", add)?;
    }
    let found =
        aws.call("cognito-idp", "admin_get_user", json!({"UserPoolId": pool, "Username": username}))?;
    let attributes = found["UserAttributes"].as_array().into_iter().flatten();
    let sub = attributes.filter(|attribute| attribute["Name"] == "sub").find_map(|sub| sub["Value"].as_str());
    sub.map(str::to_owned).with_context(|| format!("the user {username} has no sub"))
}

/// The user from `outputs.json`, or a user with a new password.
pub(super) fn user(previous: Option<&User>, username: &str) -> Result<User> {
    match previous {
        Some(user) => Ok(user.clone()),
        // The fixed part contains each kind of character that a password policy may require.
        None => Ok(User { username: username.to_owned(), password: format!("Aa1-{}", random()?) }),
    }
}

/// 24 random hexadecimal digits.
pub(crate) fn random() -> Result<String> {
    let mut bytes = [0; 12];
    fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
