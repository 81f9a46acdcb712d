//! Two custom resources of CloudFormation.
//!
//! `Custom::DefaultTiers` writes the default tiers into the table of a new deployment. Afterwards admins manage the tiers.
//! A later deployment writes only tiers that its template lists for the first time, so that it neither undoes an admin's
//! change nor restores a deleted tier.
//!
//! `Custom::FunctionSettings` returns a digest of the environment of functions. template.yaml explains why.

use std::{collections::BTreeMap, io, time::Duration};

use aws::CallError;
use domain::{DefaultTier, TierId};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use providers::{Http, ProviderError};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use store::Records;
use tracing::{error, info};

/// How long writing may take. Together with the time for the answer it is less than the function's timeout.
const WORK_TIME: Duration = Duration::from_secs(25);

/// The physical ids of the resources. If an answer contained another id, CloudFormation would treat the resource as
/// replaced.
const TIERS_ID: &str = "default-tiers";
const SETTINGS_ID: &str = "function-settings";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    telemetry::init();
    let setup = Setup { records: Records::from_env(&aws::config()?)?, http: Http::new()? };
    lambda_runtime::run(service_fn(|event| setup.handle(event))).await
}

struct Setup {
    records: Records,
    http: Http,
}

/// A request of CloudFormation (AWS CloudFormation User Guide, "CloudFormation custom resource request and response
/// reference").
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Request {
    request_type: RequestType,
    resource_type: ResourceType,
    #[serde(rename = "ResponseURL")]
    response_url: String,
    stack_id: String,
    request_id: String,
    logical_resource_id: String,
    physical_resource_id: Option<String>,
    #[serde(default)]
    resource_properties: Value,
    #[serde(default)]
    old_resource_properties: Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
enum RequestType {
    Create,
    Update,
    Delete,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
enum ResourceType {
    #[serde(rename = "Custom::DefaultTiers")]
    DefaultTiers,
    #[serde(rename = "Custom::FunctionSettings")]
    FunctionSettings,
}

impl ResourceType {
    fn physical_id(self) -> &'static str {
        match self {
            Self::DefaultTiers => TIERS_ID,
            Self::FunctionSettings => SETTINGS_ID,
        }
    }
}

/// What `!GetAtt` reads from the resource.
type Attributes = BTreeMap<String, String>;

/// The answer to CloudFormation.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Response<'a> {
    status: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    physical_resource_id: &'a str,
    stack_id: &'a str,
    request_id: &'a str,
    logical_resource_id: &'a str,
    data: Attributes,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TierProperties {
    tiers: Vec<DefaultTier>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SettingsProperties {
    /// Environment variables by the name of the digest.
    settings: BTreeMap<String, BTreeMap<String, String>>,
}

/// Why a resource could not be set up. The events of the stack show the message.
#[derive(Debug, thiserror::Error)]
enum SetupError {
    #[error("The property Tiers must be a list of basic, premium and enterprise.")]
    Properties(#[source] serde_json::Error),
    #[error("The property Settings must contain maps of texts.")]
    Settings(#[source] serde_json::Error),
    #[error("The default tiers could not be written. The log of workers-setup has the cause.")]
    Call(#[from] CallError),
    #[error("The default tiers could not be written in time.")]
    Timeout,
}

impl Setup {
    /// Always sends an answer, because the stack waits for it.
    async fn handle(&self, event: LambdaEvent<Request>) -> Result<(), Error> {
        let request = event.payload;
        let outcome =
            tokio::time::timeout(WORK_TIME, self.set_up(&request)).await.unwrap_or(Err(SetupError::Timeout));
        let (data, reason) = match outcome {
            Ok(data) => (data, None),
            Err(error) => {
                let cause = aws::causes(&error);
                error!(request = ?request.request_type, resource = ?request.resource_type, cause, "a custom resource failed");
                (Attributes::new(), Some(error.to_string()))
            }
        };
        let id = request.physical_resource_id.as_deref();
        let response = Response {
            status: if reason.is_none() { "SUCCESS" } else { "FAILED" },
            reason: reason.as_deref(),
            physical_resource_id: id.unwrap_or(request.resource_type.physical_id()),
            stack_id: &request.stack_id,
            request_id: &request.request_id,
            logical_resource_id: &request.logical_resource_id,
            data,
        };
        // If the answer cannot be sent, the invocation fails. Lambda then retries it twice within three minutes.
        self.answer(&request.response_url, serde_json::to_vec(&response)?).await.map_err(|error| {
            error!(cause = error.cause, "sending the answer to CloudFormation failed");
            Error::from(io::Error::other("sending the answer to CloudFormation failed"))
        })
    }

    async fn set_up(&self, request: &Request) -> Result<Attributes, SetupError> {
        match request.resource_type {
            ResourceType::DefaultTiers => self.write_tiers(request).await.map(|()| Attributes::new()),
            ResourceType::FunctionSettings => digests(request).map_err(SetupError::Settings),
        }
    }

    async fn write_tiers(&self, request: &Request) -> Result<(), SetupError> {
        // The table may be older than this resource, or may have been kept when its stack was deleted.
        if request.request_type == RequestType::Create
            && self.records.tier(&TierId::default_for_new_users()).await?.is_some()
        {
            info!("wrote no default tiers: the table already contains tiers");
            return Ok(());
        }
        for tier in tiers_to_write(request).map_err(SetupError::Properties)? {
            let written = self.records.create_tier(&tier.rules()).await?;
            info!(?tier, written, "processed a default tier");
        }
        Ok(())
    }

    async fn answer(&self, url: &str, body: Vec<u8>) -> Result<(), ProviderError> {
        const ATTEMPTS: usize = 3;
        const TIME: Duration = Duration::from_secs(5);
        const PAUSE: Duration = Duration::from_secs(1);
        let mut attempt = 1;
        loop {
            match self.http.put_presigned(url, body.clone(), TIME).await {
                Err(error) if attempt < ATTEMPTS && error.is_retryable => tokio::time::sleep(PAUSE).await,
                outcome => return outcome,
            }
            attempt += 1;
        }
    }
}

/// The tiers that a request adds. The tier of new users is the last one: if it exists, all others do.
fn tiers_to_write(request: &Request) -> Result<Vec<DefaultTier>, serde_json::Error> {
    let old = match request.request_type {
        RequestType::Delete => return Ok(Vec::new()),
        RequestType::Create => Vec::new(),
        RequestType::Update => tiers(&request.old_resource_properties).unwrap_or_default(),
    };
    let mut new = tiers(&request.resource_properties)?;
    new.retain(|tier| !old.contains(tier));
    new.sort_by_key(|tier| *tier == DefaultTier::Basic);
    Ok(new)
}

fn tiers(properties: &Value) -> Result<Vec<DefaultTier>, serde_json::Error> {
    Ok(TierProperties::deserialize(properties)?.tiers)
}

/// The digest of each environment. CloudFormation sends each value as a text.
fn digests(request: &Request) -> Result<Attributes, serde_json::Error> {
    if request.request_type == RequestType::Delete {
        return Ok(Attributes::new());
    }
    let SettingsProperties { settings } = SettingsProperties::deserialize(&request.resource_properties)?;
    Ok(settings.into_iter().map(|(name, variables)| (name, digest(&variables))).collect())
}

/// A digest of sixteen hexadecimal digits. It changes if a variable changes.
fn digest(variables: &BTreeMap<String, String>) -> String {
    let mut hash = Sha256::new();
    for text in variables.iter().flat_map(|(name, value)| [name, value]) {
        hash.update(text.len().to_be_bytes());
        hash.update(text);
    }
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn request(request_type: &str, new: Value, old: Value) -> Request {
        let request = json!({
            "RequestType": request_type, "ResourceType": "Custom::DefaultTiers", "ResponseURL": "https://example.com", "StackId": "s", "RequestId": "r",
            "LogicalResourceId": "l", "ResourceProperties": new, "OldResourceProperties": old,
        });
        serde_json::from_value(request).unwrap()
    }

    fn written(request_type: &str, new: &[&str], old: &[&str]) -> Vec<DefaultTier> {
        let request = request(request_type, json!({"Tiers": new}), json!({"Tiers": old}));
        tiers_to_write(&request).unwrap()
    }

    #[test]
    fn a_new_deployment_writes_all_tiers_and_basic_last() {
        use DefaultTier::{Basic, Enterprise, Premium};
        assert_eq!(written("Create", &["basic", "premium", "enterprise"], &[]), [Premium, Enterprise, Basic]);
    }

    #[test]
    fn a_later_deployment_writes_only_tiers_that_it_lists_for_the_first_time() {
        assert_eq!(written("Update", &["basic", "premium"], &["basic"]), [DefaultTier::Premium]);
        assert_eq!(written("Update", &["basic"], &["basic", "premium"]), []);
        assert_eq!(written("Delete", &["basic"], &[]), []);
    }

    #[test]
    fn an_unknown_tier_is_an_error_except_in_the_old_properties() {
        let (unknown, basic) = (json!({"Tiers": ["gold"]}), json!({"Tiers": ["basic"]}));
        assert!(tiers_to_write(&request("Create", unknown.clone(), Value::Null)).is_err());
        assert!(tiers_to_write(&request("Update", unknown.clone(), basic.clone())).is_err());
        assert_eq!(tiers_to_write(&request("Update", basic, unknown)).unwrap(), [DefaultTier::Basic]);
    }

    #[test]
    fn the_digest_changes_with_each_variable_and_with_nothing_else() {
        let digests_of = |settings: Value| {
            let mut request = request("Update", json!({"Settings": settings}), Value::Null);
            request.resource_type = ResourceType::FunctionSettings;
            digests(&request).unwrap()
        };
        let before = digests_of(json!({"All": {"A": "1", "B": "23"}, "WorkersStream": {"C": ""}}));
        let same = digests_of(json!({"WorkersStream": {"C": ""}, "All": {"B": "23", "A": "1"}}));
        assert_eq!(before, same);
        let after = digests_of(json!({"All": {"A": "12", "B": "3"}, "WorkersStream": {"C": ""}}));
        assert_ne!(before["All"], after["All"]);
        assert_eq!(before["WorkersStream"], after["WorkersStream"]);
        assert_eq!(before["All"].len(), 16);
    }
}
