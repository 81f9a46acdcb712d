//! The items of expiring links.

use anyhow::{Context, Result};
use serde_json::Value;

use crate::{User, id_of};

impl User {
    /// The item of an expiring link in the table, if it exists.
    ///
    /// # Errors
    /// If there is no response.
    pub async fn link_item(&self, link: &Value) -> Result<Option<Value>> {
        self.item(&link_key(link)?).await
    }

    /// Changes the item of an expiring link in the table.
    ///
    /// # Errors
    /// If there is none.
    pub async fn change_link(&self, link: &Value, update: &str, values: Value) -> Result<()> {
        let (pk, sk) = (format!("USER#{}", self.id), link_key(link)?);
        self.stack.aws.update_item(&self.stack.outputs.table, (&pk, &sk), update, &values).await
    }
}

/// The sort key of an expiring link.
fn link_key(link: &Value) -> Result<String> {
    let mut parts = id_of(link)?.splitn(3, '-');
    let (secret, image) = (parts.next().context("no secret")?, parts.next().context("no image")?);
    Ok(format!("LINK#{image}#{secret}"))
}
