//! The users that tests work with.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::{Login, Stack, User, email_of, unique};

/// A tier for a user: one of the seeded tiers, or a variant.
#[derive(Clone, Debug)]
pub struct Tier {
    id: &'static str,
    changes: Vec<(&'static str, Value)>,
}

impl Tier {
    /// The tier of new users: a thumbnail of 200 pixels.
    pub const BASIC: Self = Self { id: "basic", changes: Vec::new() };
    /// The tier between the two others.
    pub const PREMIUM: Self = Self { id: "premium", changes: Vec::new() };
    /// The tier with all features: thumbnails of 200, 400 and 1200 pixels, and the original.
    pub const ENTERPRISE: Self = Self { id: "enterprise", changes: Vec::new() };

    /// The same tier with another value of a rule.
    #[must_use]
    pub fn with(mut self, rule: &'static str, value: impl Into<Value>) -> Self {
        self.changes.push((rule, value.into()));
        self
    }
}

impl Stack {
    /// A new user of the tier for new users, signed in.
    ///
    /// # Errors
    /// If a step fails.
    pub async fn user(&self) -> Result<User> {
        let (username, email, password) = credentials();
        let create = json!({
            "UserPoolId": self.outputs.user_pool_id,
            "Username": username,
            "UserAttributes": [{"Name": "email", "Value": email}, {"Name": "email_verified", "Value": "true"}],
            "MessageAction": "SUPPRESS",
        });
        let created = self.cognito("AdminCreateUser", &create).await?;
        let attributes = created["User"]["Attributes"].as_array().context("a user without attributes")?;
        let sub = attributes.iter().find(|attribute| attribute["Name"] == "sub").context("no sub")?;
        let id = sub["Value"].as_str().context("no sub")?.to_owned();
        let set_password = json!({
            "UserPoolId": self.outputs.user_pool_id,
            "Username": username,
            "Password": password,
            "Permanent": true,
        });
        self.cognito("AdminSetUserPassword", &set_password).await?;
        User::login(self, id, username, email, password).await
    }

    /// The admin that `cargo xtask` created, signed in.
    ///
    /// # Errors
    /// If the login fails.
    pub async fn admin(&self) -> Result<User> {
        let Login { username, password } = &self.outputs.admin;
        let mut admin =
            User::login(self, String::new(), username.clone(), String::new(), password.clone()).await?;
        let profile = admin.get("/api/auth/profile").await?.json(200)?;
        let text = |name: &str| profile[name].as_str().map(str::to_owned).context("an incomplete profile");
        (admin.id, admin.email) = (text("id")?, text("email")?);
        Ok(admin)
    }

    /// A new user of another tier, signed in.
    ///
    /// # Errors
    /// If a step fails.
    pub async fn user_in(&self, tier: Tier) -> Result<User> {
        let user = self.user().await?;
        let seeded = self.aws.item(&self.outputs.table, "TIER", &format!("TIER#{}", tier.id)).await?;
        let mut limits = seeded.with_context(|| format!("no tier {} was seeded", tier.id))?;
        for (rule, value) in tier.changes {
            limits[rule] = value;
        }
        let profile = json!({
            "pk": format!("USER#{}", user.id),
            "sk": "PROFILE",
            "tier": tier.id,
            "limits": limits,
            "images": 0,
            "bytes": 0,
        });
        self.aws.put_item(&self.outputs.table, &profile).await?;
        Ok(user)
    }
}

/// A new user's name, address and password.
fn credentials() -> (String, String, String) {
    let username = unique("user");
    let email = email_of(&username);
    (username, email, unique("Pass-Word"))
}
