//! Credentials from Secrets Manager.

use std::sync::Arc;

use aws_sdk_secretsmanager::Client;
use aws_types::SdkConfig;
use tokio::sync::Mutex;

use crate::{CallError, MissingVariable, var};

/// A secret. Each function instance reads it once, when it is first needed. No environment variable and no log contains
/// its text.
pub struct Secret {
    client: Client,
    name: String,
    value: Mutex<Option<Arc<str>>>,
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Secret").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Secret {
    /// The secret that an environment variable names.
    ///
    /// # Errors
    /// [`MissingVariable`]
    pub fn from_env(config: &SdkConfig, variable: &'static str) -> Result<Self, MissingVariable> {
        Ok(Self::new(config, var(variable)?))
    }

    /// The secret with this name or ARN.
    #[must_use]
    pub fn new(config: &SdkConfig, name: String) -> Self {
        Self { client: Client::new(config), name, value: Mutex::default() }
    }

    /// The secret's text.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn get(&self) -> Result<Arc<str>, CallError> {
        let mut value = self.value.lock().await;
        if let Some(value) = value.as_ref() {
            return Ok(value.clone());
        }
        let answer = self.client.get_secret_value().secret_id(&self.name).send().await?;
        let text = answer.secret_string.ok_or_else(|| CallError::internal("the secret is not text"))?;
        Ok(value.insert(text.trim().into()).clone())
    }

    /// Discards the cached text, so that the next use reads the secret again. Called when a provider rejects it.
    pub async fn forget(&self) {
        self.value.lock().await.take();
    }
}
