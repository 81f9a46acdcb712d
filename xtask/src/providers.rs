//! Providers that a local stack uses: what the caller's environment says, put into the local Secrets Manager and
//! into the template's parameters.

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

/// A provider of AI.
#[derive(Default)]
pub(crate) struct Ai {
    pub(crate) key: String,
    pub(crate) base_url: Option<String>,
    /// How long an analysis is waited for.
    pub(crate) seconds: Option<u32>,
    /// The model of analyses and the model of edits.
    pub(crate) models: Option<(String, String)>,
}

/// A Dropbox account, and where Dropbox answers unless that is where it always does.
#[derive(Default)]
pub(crate) struct Dropbox {
    pub(crate) app_key: String,
    pub(crate) app_secret: String,
    pub(crate) refresh_token: String,
    pub(crate) url: Option<String>,
    /// How long a copy may take.
    pub(crate) seconds: Option<u32>,
}

impl Providers {
    /// What the environment says: `OPENAI_API_KEY`, and where they differ from the template's, `OPENAI_BASE_URL`,
    /// `OPENAI_MODEL` and `OPENAI_EDIT_MODEL`; and `DROPBOX_APP_KEY`, `DROPBOX_APP_SECRET` and
    /// `DROPBOX_REFRESH_TOKEN`, all three or none.
    pub(crate) fn from_env() -> Result<Self> {
        Self::read(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    }

    fn read(var: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let models = var("OPENAI_MODEL").map(|model| {
            let edit = var("OPENAI_EDIT_MODEL").unwrap_or_else(|| model.clone());
            (model, edit)
        });
        let ai = var("OPENAI_API_KEY").map(|key| Ai {
            key,
            base_url: var("OPENAI_BASE_URL"),
            seconds: None,
            models,
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

    /// Keeps the credentials where the functions look for them.
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

    /// The template's parameters, as `sam deploy` takes them. The secrets are named each time: what is left out would
    /// stay as the deployment before had it.
    pub(crate) fn parameters(&self) -> Vec<String> {
        // sam takes an empty value in quotes alone.
        let secret = |parameter: &str, name: Option<&str>| match name {
            Some(name) => format!("{parameter}={name}"),
            None => format!(r#"{parameter}="""#),
        };
        let mut parameters = vec![
            secret("AiSecret", self.ai.as_ref().map(|_| OPENAI)),
            secret("DropboxSecret", self.dropbox.as_ref().map(|_| DROPBOX)),
        ];
        if let Some(ai) = &self.ai {
            parameters.extend(ai.base_url.iter().map(|url| format!("AiBaseUrl={url}")));
            parameters.extend(ai.seconds.iter().map(|seconds| format!("AnalysisSeconds={seconds}")));
            if let Some((analysis, edit)) = &ai.models {
                parameters.extend([format!("AnalysisModel={analysis}"), format!("EditModel={edit}")]);
            }
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

/// `samconfig.toml` with more parameters for the local stack, beside those that it has.
pub(crate) fn with_parameters(samconfig: &str, parameters: &[String]) -> String {
    const LIST: &str = "parameter_overrides = [";
    let Some((before, local)) = samconfig.split_once("[local.deploy.parameters]") else {
        return samconfig.to_owned();
    };
    let more: String = parameters.iter().map(|parameter| format!("{parameter:?}, ")).collect();
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
        let config = with_parameters(CONFIG, &providers.parameters());
        assert!(config.contains("[\"Stage=dev\"]"), "{config}");
        let local = "[\"AiSecret=darkroom-local/openai\", \"DropboxSecret=darkroom-local/dropbox\", \
                     \"AiBaseUrl=http://127.0.0.1:1/v1\", \"Stage=local\"]";
        assert!(config.contains(local), "{config}");
        assert!(!config.contains("secret-"), "{config}");
        Ok(())
    }

    #[test]
    fn without_credentials_there_is_neither_ai_nor_dropbox() -> Result<()> {
        let parameters = [r#"AiSecret="""#, r#"DropboxSecret="""#];
        assert_eq!(read(&[])?.parameters(), parameters);
        assert_eq!(Providers::default().parameters(), parameters);
        Ok(())
    }

    #[test]
    fn half_of_dropboxs_credentials_are_none_and_what_is_missing_is_named() {
        let error = read(&[("DROPBOX_APP_KEY", "k"), ("DROPBOX_REFRESH_TOKEN", "t")]).map(drop);
        assert!(error.is_err_and(|error| error.to_string().ends_with("not set: DROPBOX_APP_SECRET")));
    }
}
