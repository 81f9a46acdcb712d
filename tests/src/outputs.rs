//! The outputs of the running stack.

use std::{env, fs};

use anyhow::{Context, Result};
use serde::Deserialize;

/// The outputs that `cargo xtask` wrote.
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "the names of outputs.json")]
pub struct Outputs {
    pub api_url: String,
    /// The origin of the edge. Empty without it.
    #[serde(default)]
    pub edge_url: String,
    /// The address of all AWS services. Empty for AWS itself, where each service has its own address.
    pub endpoint_url: String,
    /// An origin, other than the API's own, whose pages may call the API and upload.
    pub allowed_origin: String,
    pub region: String,
    pub user_pool_id: String,
    pub client_id: String,
    pub uploads_bucket: String,
    pub derived_bucket: String,
    pub table: String,
    pub stack_name: String,
    pub demo: Login,
    pub admin: Login,
    pub access_key: String,
    pub secret_key: String,
    /// Only temporary credentials have one.
    pub session_token: Option<String>,
    /// Whether the stack is a deployment whose resources no test may change.
    #[serde(default)]
    pub is_remote: bool,
}

/// A user that `cargo xtask` created.
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "the names of outputs.json")]
pub struct Login {
    pub username: String,
    pub password: String,
}

impl Outputs {
    pub(crate) fn read() -> Result<Self> {
        let path = env::var("DARKROOM_OUTPUTS")
            .context("these tests need a running stack: use `cargo xtask test`, which starts one")?;
        let text = fs::read(&path).with_context(|| format!("reading {path}, the stack's outputs"))?;
        serde_json::from_slice(&text).with_context(|| format!("in {path}"))
    }
}
