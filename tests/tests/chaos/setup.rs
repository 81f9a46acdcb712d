//! Prepares the stack: functions call AWS through the proxies, and timeouts are short, so that another worker takes
//! over within seconds.

use anyhow::{Context, Result};
use futures_util::future::try_join_all;
use serde_json::{Value, json};
use tests::Stack;

use crate::proxy::{self, Service, SharedState};

/// The functions that take part, if the template has them.
const FUNCTIONS: &[&str] = &[
    "ImagesAnalysis",
    "ImagesBatch",
    "ImagesCreate",
    "ImagesDelete",
    "ImagesEdits",
    "ImagesLinks",
    "ImagesRendition",
    "ImagesRestore",
    "ImagesTrashEmpty",
    "ImagesUpdate",
    "ImagesetsCreate",
    "ImagesetsDelete",
    "ImagesetsImagesCreate",
    "PhonesImagesCreate",
    "WorkersAnalyze",
    "WorkersDropbox",
    "WorkersEdit",
    "WorkersRender",
    "WorkersStream",
    "WorkersFindUploads",
    "WorkersThumbnail",
    "WorkersTiers",
];
/// The timeout of workers, and how long a message stays invisible, in seconds.
const TIMEOUT: u64 = 20;
/// Where the emulator takes the plan of deliveries (`xtask/src/python/deliveries.py`).
const DELIVERIES: &str = "/_darkroom/chaos";

/// What was changed, to restore it.
#[derive(Debug)]
pub(crate) struct Setup {
    stack: Stack,
    /// The name in template.yaml, the name on AWS, and the configuration.
    functions: Vec<(String, String, Value)>,
    /// The URL and the visibility timeout.
    queues: Vec<(String, Value)>,
}

impl Setup {
    /// Redirects the functions and shortens the timeouts.
    pub(crate) async fn prepare(stack: &Stack, state: &SharedState) -> Result<Self> {
        let mut setup = Self { stack: stack.clone(), functions: Vec::new(), queues: Vec::new() };
        let endpoint = &stack.outputs.endpoint_url;
        let mut addresses = Vec::new();
        for (service, variable) in [
            (Service::DynamoDb, "AWS_ENDPOINT_URL_DYNAMODB"),
            (Service::S3, "AWS_ENDPOINT_URL_S3"),
            (Service::Sqs, "AWS_ENDPOINT_URL_SQS"),
        ] {
            addresses.push((variable, proxy::start(service, endpoint, state).await?));
        }
        for name in FUNCTIONS {
            // Not every version of the template has all of them.
            let Ok(function) = stack.resource(name).await else { continue };
            let configuration = stack.aws.function(&function).await?;
            setup.functions.push(((*name).to_owned(), function, configuration));
        }
        for url in stack.aws.queues().await? {
            let mut attributes = stack.aws.queue_attributes(&url).await?;
            setup.queues.push((url, attributes["VisibilityTimeout"].take()));
        }
        let changes = setup.functions.iter().map(async |(name, function, configuration)| {
            let mut variables = configuration["Environment"]["Variables"].clone();
            for (variable, address) in &addresses {
                variables[*variable] = json!(address);
            }
            stack.aws.set_variables(function, &variables).await?;
            // The search of all images may take longer.
            if name.starts_with("Workers") && name != "WorkersFindUploads" {
                stack.aws.set_timeout(function, &json!(TIMEOUT)).await?;
            }
            anyhow::Ok(())
        });
        try_join_all(changes).await?;
        let short = json!({"VisibilityTimeout": TIMEOUT.to_string()});
        try_join_all(setup.queues.iter().map(|(url, _)| stack.aws.set_queue_attributes(url, &short))).await?;
        Ok(setup)
    }

    /// Undoes the changes.
    pub(crate) async fn restore(&self) -> Result<()> {
        self.deliver(&Value::Null).await?;
        let aws = &self.stack.aws;
        for (_, function, configuration) in &self.functions {
            aws.set_variables(function, &configuration["Environment"]["Variables"]).await?;
            aws.set_timeout(function, &configuration["Timeout"]).await?;
        }
        for (url, seconds) in &self.queues {
            aws.set_queue_attributes(url, &json!({"VisibilityTimeout": seconds})).await?;
        }
        Ok(())
    }

    /// The functions: the name in template.yaml, and the name on AWS.
    pub(crate) fn functions(&self) -> Vec<(String, String)> {
        self.functions.iter().map(|(name, function, _)| (name.clone(), function.clone())).collect()
    }

    /// Whether the template has this function.
    pub(crate) fn has(&self, function: &str) -> bool {
        self.functions.iter().any(|(name, _, _)| name == function)
    }

    /// The URLs of all queues.
    pub(crate) fn queues(&self) -> impl Iterator<Item = &String> {
        self.queues.iter().map(|(url, _)| url)
    }

    /// Tells the emulator how to deliver events.
    pub(crate) async fn deliver(&self, plan: &Value) -> Result<()> {
        let url = format!("{}{DELIVERIES}", self.stack.outputs.endpoint_url);
        let request = self.stack.request_url(reqwest::Method::POST, &url).json(plan);
        request.send().await?.error_for_status().context("setting the plan of deliveries")?;
        Ok(())
    }

    /// What the emulator did with events, and what is still on its way.
    pub(crate) async fn deliveries(&self) -> Result<Value> {
        let url = format!("{}{DELIVERIES}", self.stack.outputs.endpoint_url);
        Ok(self.stack.request_url(reqwest::Method::GET, &url).send().await?.json().await?)
    }
}
