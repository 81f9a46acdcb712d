//! The providers of a local stack. They are read from the caller's environment, and written to the local Secrets
//! Manager and to the template's parameters.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use serde_json::json;

use crate::aws::Aws;

/// The secrets' names in the local stack.
const OPENAI: &str = "darkroom-local/openai";
const DROPBOX: &str = "darkroom-local/dropbox";

/// The providers that a stack has.
#[derive(Default)]
pub(crate) struct Providers {
    pub(crate) ai: Option<Ai>,
    pub(crate) dropbox: Option<Dropbox>,
}

/// An AI provider.
#[derive(Default)]
pub(crate) struct Ai {
    pub(crate) key: String,
    pub(crate) base_url: Option<String>,
    /// The time limit of an analysis.
    pub(crate) seconds: Option<u32>,
    /// The model of analyses.
    pub(crate) analysis_model: Option<String>,
    /// The model of edits.
    pub(crate) edit_model: Option<String>,
}

/// A Dropbox account, and Dropbox's address if it is not the usual one.
#[derive(Default)]
pub(crate) struct Dropbox {
    pub(crate) app_key: String,
    pub(crate) app_secret: String,
    pub(crate) refresh_token: String,
    pub(crate) url: Option<String>,
    /// The time limit of a copy.
    pub(crate) seconds: Option<u32>,
}

impl Providers {
    /// Reads the environment: `OPENAI_API_KEY`; `OPENAI_BASE_URL`, `OPENAI_MODEL` and `OPENAI_EDIT_MODEL` in place of the
    /// template's defaults; and all or none of `DROPBOX_APP_KEY`, `DROPBOX_APP_SECRET` and `DROPBOX_REFRESH_TOKEN`.
    pub(crate) fn from_env() -> Result<Self> {
        Self::read(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    }

    fn read(var: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let ai = var("OPENAI_API_KEY").map(|key| Ai {
            key,
            base_url: var("OPENAI_BASE_URL"),
            seconds: None,
            analysis_model: var("OPENAI_MODEL"),
            edit_model: var("OPENAI_EDIT_MODEL"),
        });
        let names = ["DROPBOX_APP_KEY", "DROPBOX_APP_SECRET", "DROPBOX_REFRESH_TOKEN"];
        let dropbox = match names.map(&var) {
            [Some(app_key), Some(app_secret), Some(refresh_token)] => {
                Some(Dropbox { app_key, app_secret, refresh_token, ..Dropbox::default() })
            }
            [None, None, None] => None,
            values => {
                let missing = names.iter().zip(&values).filter(|(_, value)| value.is_none());
                let missing: Vec<_> = missing.map(|(name, _)| *name).collect();
                bail!("Dropbox needs all of {}; not set: {}", names.join(", "), missing.join(", "))
            }
        };
        Ok(Self { ai, dropbox })
    }

    /// Stores the credentials in the local Secrets Manager.
    pub(crate) fn store(&self, aws: &mut Aws) -> Result<()> {
        let dropbox = self.dropbox.as_ref().map(|Dropbox { app_key, app_secret, refresh_token, .. }| {
            json!({"app_key": app_key, "app_secret": app_secret, "refresh_token": refresh_token}).to_string()
        });
        let secrets = [(OPENAI, self.ai.as_ref().map(|ai| ai.key.clone())), (DROPBOX, dropbox)];
        for (name, value) in secrets {
            let Some(value) = value else { continue };
            let create = json!({"Name": name, "SecretString": value});
            aws.call_unless("ResourceExistsException", "secretsmanager", "create_secret", create)?;
            let put = json!({"SecretId": name, "SecretString": value});
            aws.call("secretsmanager", "put_secret_value", put)?;
        }
        Ok(())
    }

    /// The providers' parameters of the template, in the format of `sam deploy`.
    pub(crate) fn parameters(&self) -> Vec<String> {
        let mut parameters = vec![
            parameter("AiSecret", self.ai.as_ref().map_or("", |_| OPENAI)),
            parameter("DropboxSecret", self.dropbox.as_ref().map_or("", |_| DROPBOX)),
        ];
        if let Some(ai) = &self.ai {
            parameters.extend(ai.base_url.iter().map(|url| format!("AiBaseUrl={url}")));
            parameters.extend(ai.seconds.iter().map(|seconds| format!("AnalysisSeconds={seconds}")));
            parameters.extend(ai.analysis_model.iter().map(|model| format!("AnalysisModel={model}")));
            parameters.extend(ai.edit_model.iter().map(|model| format!("EditModel={model}")));
        }
        if let Some(dropbox) = &self.dropbox {
            let urls = dropbox.url.iter();
            parameters.extend(
                urls.flat_map(|url| [format!("DropboxApiUrl={url}"), format!("DropboxContentUrl={url}")]),
            );
            parameters.extend(dropbox.seconds.iter().map(|seconds| format!("DropboxSeconds={seconds}")));
        }
        parameters
    }
}

/// A parameter in the format of `sam deploy`, which needs quotes around an empty value.
fn parameter(name: &str, value: &str) -> String {
    let value = if value.is_empty() { r#""""# } else { value };
    format!("{name}={value}")
}

/// `samconfig.toml` with additional parameters for the local stack, and the template's defaults for all others. An
/// omitted parameter would keep the value of the previous deployment, so a key could be sent to another provider.
pub(crate) fn with_parameters(
    samconfig: &str,
    parameters: &[String],
    defaults: &BTreeMap<String, String>,
) -> String {
    const LIST: &str = "parameter_overrides = [";
    let Some((before, local)) = samconfig.split_once("[local.deploy.parameters]") else {
        return samconfig.to_owned();
    };
    let is_said = |name: &str| {
        let own = parameters.iter().any(|parameter| parameter.starts_with(&format!("{name}=")));
        own || local.contains(&format!("\"{name}="))
    };
    let defaults = defaults.iter().filter(|(name, _)| !is_said(name));
    let defaults = defaults.map(|(name, value)| parameter(name, value));
    let all = parameters.iter().cloned().chain(defaults);
    let more: String = all.map(|parameter| format!("{parameter:?}, ")).collect();
    format!("{before}[local.deploy.parameters]{}", local.replacen(LIST, &format!("{LIST}{more}"), 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "[dev.deploy.parameters]\nparameter_overrides = [\"Stage=dev\"]\n\
        [local.deploy.parameters]\nparameter_overrides = [\"Stage=local\"]\n";

    fn read(variables: &[(&str, &str)]) -> Result<Providers> {
        Providers::read(|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_local_stack_alone_gets_providers_and_no_secret_is_among_its_parameters() -> Result<()> {
        let providers = read(&[
            ("OPENAI_API_KEY", "secret-1"),
            ("OPENAI_BASE_URL", "http://127.0.0.1:1/v1"),
            ("DROPBOX_APP_KEY", "secret-2"),
            ("DROPBOX_APP_SECRET", "secret-3"),
            ("DROPBOX_REFRESH_TOKEN", "secret-4"),
        ])?;
        let config = with_parameters(CONFIG, &providers.parameters(), &BTreeMap::new());
        assert!(config.contains("[\"Stage=dev\"]"), "{config}");
        let local = "[\"AiSecret=darkroom-local/openai\", \"DropboxSecret=darkroom-local/dropbox\", \
                     \"AiBaseUrl=http://127.0.0.1:1/v1\", \"Stage=local\"]";
        assert!(config.contains(local), "{config}");
        assert!(!config.contains("secret-"), "{config}");
        Ok(())
    }

    #[test]
    fn other_parameters_have_the_defaults_of_the_template() {
        let named = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let defaults = [
            named("AiBaseUrl", "https://api.openai.com/v1"),
            named("AiSecret", ""),
            named("Stage", "dev"),
            named("Empty", ""),
        ];
        let own = ["AiSecret=x".to_owned()];
        let config = with_parameters(CONFIG, &own, &defaults.into());
        let local = r#"["AiSecret=x", "AiBaseUrl=https://api.openai.com/v1", "Empty=\"\"", "Stage=local"]"#;
        assert!(config.contains(local), "{config}");
    }

    #[test]
    fn without_credentials_there_is_neither_ai_nor_dropbox() -> Result<()> {
        let parameters = [r#"AiSecret="""#, r#"DropboxSecret="""#];
        assert_eq!(read(&[])?.parameters(), parameters);
        assert_eq!(Providers::default().parameters(), parameters);
        Ok(())
    }

    #[test]
    fn an_error_names_the_missing_credentials_of_dropbox() {
        let error = read(&[("DROPBOX_APP_KEY", "k"), ("DROPBOX_REFRESH_TOKEN", "t")]).map(drop);
        assert!(error.is_err_and(|error| error.to_string().ends_with("not set: DROPBOX_APP_SECRET")));
    }
}
