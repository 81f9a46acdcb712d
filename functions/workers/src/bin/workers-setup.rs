//! A custom resource of CloudFormation: writes the default tiers into the table of a new deployment.
//!
//! From then on the tiers are the admins' own. A later deployment writes only tiers that its template lists for the
//! first time, so that it neither undoes a change nor brings back what an admin deleted.

use std::{io, time::Duration};

use aws::CallError;
use domain::{DefaultTier, TierId};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use providers::{Http, ProviderError};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::Records;
use tracing::{error, info};

/// How long writing may take. With the time for the answer it is less than the function's timeout.
const WORK_TIME: Duration = Duration::from_secs(25);

/// The resource's name in CloudFormation's eyes. Another one in an answer would mean that the resource was replaced.
const PHYSICAL_ID: &str = "default-tiers";

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

/// What CloudFormation asks for (AWS CloudFormation User Guide, "CloudFormation custom resource request and response
/// reference").
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Request {
    request_type: RequestType,
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

/// What CloudFormation is answered.
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
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Properties {
    tiers: Vec<DefaultTier>,
}

/// Why the tiers were not written. The message is what the events of the stack show.
#[derive(Debug, thiserror::Error)]
enum SetupError {
    #[error("The property Tiers must be a list of basic, premium and enterprise.")]
    Properties(#[source] serde_json::Error),
    #[error("The default tiers could not be written. The log of workers-setup has the cause.")]
    Call(#[from] CallError),
    #[error("The default tiers could not be written in time.")]
    Timeout,
}

impl Setup {
    /// Answers in any case, because a stack waits for it.
    async fn handle(&self, event: LambdaEvent<Request>) -> Result<(), Error> {
        let request = event.payload;
        let outcome =
            tokio::time::timeout(WORK_TIME, self.set_up(&request)).await.unwrap_or(Err(SetupError::Timeout));
        let reason = outcome.err().map(|error| {
            error!(request = ?request.request_type, cause = aws::causes(&error), "writing the default tiers failed");
            error.to_string()
        });
        let response = Response {
            status: if reason.is_none() { "SUCCESS" } else { "FAILED" },
            reason: reason.as_deref(),
            physical_resource_id: request.physical_resource_id.as_deref().unwrap_or(PHYSICAL_ID),
            stack_id: &request.stack_id,
            request_id: &request.request_id,
            logical_resource_id: &request.logical_resource_id,
        };
        // Without an answer the event is an error, so that Lambda sends it again: twice, within three minutes.
        self.answer(&request.response_url, serde_json::to_vec(&response)?).await.map_err(|error| {
            error!(cause = error.cause, "CloudFormation did not take the answer");
            Error::from(io::Error::other("CloudFormation did not take the answer"))
        })
    }

    async fn set_up(&self, request: &Request) -> Result<(), SetupError> {
        let mut new = tiers(&request.resource_properties);
        match request.request_type {
            RequestType::Delete => return Ok(()),
            RequestType::Create => {
                // A table that was filled before this resource existed, or that outlived its stack.
                if self.records.tier(&TierId::default_for_new_users()).await?.is_some() {
                    info!("the table has tiers already");
                    return Ok(());
                }
            }
            RequestType::Update => {
                let old = tiers(&request.old_resource_properties).unwrap_or_default();
                new = new.map(|new| new.into_iter().filter(|tier| !old.contains(tier)).collect());
            }
        }
        let mut new = new.map_err(SetupError::Properties)?;
        // The tier of new users last: once it is there, all are.
        new.sort_by_key(|tier| *tier == DefaultTier::Basic);
        for tier in new {
            let written = self.records.create_tier(&tier.rules()).await?;
            info!(?tier, written, "default tier");
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
                Err(error) if attempt < ATTEMPTS && error.heals => tokio::time::sleep(PAUSE).await,
                outcome => return outcome,
            }
            attempt += 1;
        }
    }
}

fn tiers(properties: &Value) -> Result<Vec<DefaultTier>, serde_json::Error> {
    Ok(Properties::deserialize(properties)?.tiers)
}
