//! Providers that a local stack uses: what the caller's environment says, put into the local Secrets Manager and
//! into the template's parameters.

use anyhow::Result;
use serde_json::json;

use crate::aws::Aws;

/// The secret's name in the local stack.
const SECRET: &str = "darkroom-local/openai";

/// A provider of AI, where there is one.
#[derive(Default)]
pub(crate) struct Providers {
    pub(crate) key: Option<String>,
    pub(crate) base_url: Option<String>,
    /// How long an analysis is waited for.
    pub(crate) seconds: Option<u32>,
    /// The model of analyses and the model of edits.
    pub(crate) models: Option<(String, String)>,
}

impl Providers {
    /// What the environment says: `OPENAI_API_KEY`, and where they differ from the template's, `OPENAI_BASE_URL`,
    /// `OPENAI_MODEL` and `OPENAI_EDIT_MODEL`.
    pub(crate) fn from_env() -> Self {
        let var = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let models = var("OPENAI_MODEL").map(|model| {
            let edit = var("OPENAI_EDIT_MODEL").unwrap_or_else(|| model.clone());
            (model, edit)
        });
        Self { key: var("OPENAI_API_KEY"), base_url: var("OPENAI_BASE_URL"), seconds: None, models }
    }

    /// Keeps the key where the functions look for it.
    pub(crate) fn store(&self, aws: &mut Aws) -> Result<()> {
        let Some(key) = &self.key else { return Ok(()) };
        let create = json!({"Name": SECRET, "SecretString": key});
        aws.call_unless("ResourceExistsException", "secretsmanager", "create_secret", create)?;
        let put = json!({"SecretId": SECRET, "SecretString": key});
        aws.call("secretsmanager", "put_secret_value", put).map(drop)
    }

    /// The template's parameters, as `sam deploy` takes them. All are named each time: what is left out would
    /// stay as the deployment before had it.
    pub(crate) fn parameters(&self) -> Vec<String> {
        // sam takes an empty value in quotes alone.
        let Some(_) = &self.key else { return vec![r#"AiSecret="""#.to_owned()] };
        let mut parameters = vec![format!("AiSecret={SECRET}")];
        parameters.extend(self.base_url.iter().map(|url| format!("AiBaseUrl={url}")));
        parameters.extend(self.seconds.iter().map(|seconds| format!("AnalysisSeconds={seconds}")));
        if let Some((analysis, edit)) = &self.models {
            parameters.extend([format!("AnalysisModel={analysis}"), format!("EditModel={edit}")]);
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

    #[test]
    fn the_local_stack_alone_gets_a_provider() {
        let key = Some("secret".to_owned());
        let base_url = Some("http://127.0.0.1:1/v1".to_owned());
        let providers = Providers { key, base_url, ..Providers::default() };
        let config = with_parameters(CONFIG, &providers.parameters());
        assert!(config.contains("[\"Stage=dev\"]"), "{config}");
        assert!(
            config.contains(
                "[\"AiSecret=darkroom-local/openai\", \"AiBaseUrl=http://127.0.0.1:1/v1\", \"Stage=local\"]"
            ),
            "{config}"
        );
        assert!(!config.contains("secret\""), "{config}");
    }

    #[test]
    fn without_a_key_there_is_no_ai() {
        assert_eq!(Providers::default().parameters(), [r#"AiSecret="""#]);
    }
}
