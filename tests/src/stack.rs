//! The running stack.

use std::{
    collections::BTreeSet,
    env, fs,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, SystemTime},
};

use anyhow::{Context, Result, ensure};
use reqwest::{Client, ClientBuilder, Method, Url, redirect::Policy};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    Answer, Aws, Invocation, User, contract,
    count::{Kind, count},
    until,
};

/// A stack under test. One for each test: connections do not outlive the runtime they were made in.
#[derive(Clone, Debug)]
pub struct Stack {
    /// Where things are.
    pub outputs: Arc<Outputs>,
    /// What is behind the API.
    pub aws: Aws,
    http: Client,
}

/// What `cargo xtask` wrote of it.
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "the names of outputs.json")]
pub struct Outputs {
    pub api_url: String,
    /// Where all AWS services answer. Empty for AWS itself, where each service has its own address.
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
    /// Comes with temporary credentials.
    pub session_token: Option<String>,
    /// Whether the stack was deployed for others and only lent to this run. Then no test may change its resources.
    #[serde(default)]
    pub is_remote: bool,
}

/// A user that the stack came with.
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "the names of outputs.json")]
pub struct Login {
    pub username: String,
    pub password: String,
}

/// A tier that a user is put into, as one of the seeded tiers or a change of it.
#[derive(Clone, Debug)]
pub struct Tier {
    id: &'static str,
    changes: Vec<(&'static str, Value)>,
}

impl Tier {
    /// The tier of new users: a thumbnail of 200 pixels.
    pub const BASIC: Self = Self { id: "basic", changes: Vec::new() };
    /// Everything: thumbnails of 200, 400 and 1200 pixels, and the original.
    pub const ENTERPRISE: Self = Self { id: "enterprise", changes: Vec::new() };

    /// The same tier with another rule.
    #[must_use]
    pub fn with(mut self, rule: &'static str, value: impl Into<Value>) -> Self {
        self.changes.push((rule, value.into()));
        self
    }
}

impl Stack {
    /// The stack that `DARKROOM_OUTPUTS` describes.
    ///
    /// # Errors
    /// Where there is none: the suite needs one.
    pub fn connect() -> Result<Self> {
        let path = env::var("DARKROOM_OUTPUTS")
            .context("these tests need a running stack: use `cargo xtask test`, which starts one")?;
        let text = fs::read(&path).with_context(|| format!("reading {path}, the stack's outputs"))?;
        let outputs: Outputs = serde_json::from_slice(&text).with_context(|| format!("in {path}"))?;
        let host = Url::parse(&outputs.api_url)?.host_str().context("api_url has no host")?.to_owned();
        let mut http = http_client().redirect(Policy::none()).timeout(Duration::from_secs(60));
        if host.ends_with(".localhost") {
            // Not every resolver knows that all of `.localhost` is this machine.
            http = http.resolve(&host, SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        }
        let http = http.build()?;
        let aws = Aws::new(http.clone(), &outputs);
        Ok(Self { outputs: Arc::new(outputs), aws, http })
    }

    /// Begins a request to the API. [`Answer::read`] learns its method from the fragment of the address, which
    /// is never sent, and holds the answer against the contract.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        count(Kind::Api);
        let url = format!("{}{path}#{method}", self.outputs.api_url);
        self.http.request(method, url)
    }

    /// Posts JSON without a token.
    ///
    /// # Errors
    /// No answer.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Answer> {
        send(self.request(Method::POST, path).json(body)).await
    }

    /// Fetches an address as it is, without a token.
    ///
    /// # Errors
    /// No answer.
    pub async fn fetch(&self, url: &str) -> Result<Answer> {
        send(self.request_url(Method::GET, url)).await
    }

    /// Begins a request to an address as it is.
    pub fn request_url(&self, method: Method, url: &str) -> reqwest::RequestBuilder {
        count(if url.starts_with(&self.outputs.api_url) { Kind::Api } else { Kind::Service("s3") });
        self.http.request(method, url)
    }

    /// Puts bytes where an `upload` says, with exactly its headers. The length is the body's own: no
    /// browser lets a page set it.
    ///
    /// # Errors
    /// No answer, or no such upload.
    pub async fn put(&self, upload: &Value, bytes: Vec<u8>) -> Result<Answer> {
        count(Kind::Upload);
        let url = upload["url"].as_str().context("the upload has no url")?;
        let mut request = self.http.put(url).body(bytes);
        for (name, value) in upload["headers"].as_object().context("the upload has no headers")? {
            if !name.eq_ignore_ascii_case("content-length") {
                request = request.header(name, value.as_str().context("a header is not text")?);
            }
        }
        send(request).await
    }

    /// A new user of the tier for new users, signed in.
    ///
    /// # Errors
    /// Where any of it fails.
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

    /// The admin that the stack came with, signed in.
    ///
    /// # Errors
    /// Where it cannot log in.
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
    /// Where any of it fails.
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

    /// The codes that were mailed to an address, once there are so many.
    ///
    /// # Errors
    /// Where so many mails never come.
    pub async fn mailed_codes(&self, email: &Value, count: usize) -> Result<Vec<String>> {
        ensure!(!self.outputs.is_remote, "only the local stack has a mailbox that a test can read");
        let url = format!("{}/_ministack/ses/messages", self.outputs.endpoint_url);
        until(&format!("{count} mails to {email}"), async || {
            let mails = self.fetch(&url).await?.json(200)?;
            let mails = mails["messages"].as_object().into_iter().flatten();
            let mails = mails.flat_map(|(_account, mails)| mails.as_array().into_iter().flatten());
            let mails = mails.filter(|mail| mail["To"].as_array().is_some_and(|to| to.contains(email)));
            let codes: Vec<String> = mails.filter_map(code_in).collect();
            Ok((codes.len() == count).then_some(codes))
        })
        .await
    }

    /// What a resource of template.yaml is called in the account.
    ///
    /// # Errors
    /// No answer, or no such resource.
    pub async fn resource(&self, name: &str) -> Result<String> {
        self.aws.physical_id(&self.outputs.stack_name, name).await
    }

    /// How many invocations of the functions of a log group had to do with something, by a text in their logs.
    ///
    /// # Errors
    /// No answer, or no such group.
    pub async fn invocations_about(&self, group: &str, text: &str) -> Result<usize> {
        let group = self.resource(group).await?;
        let lines = self.aws.log_lines(&group, text).await?;
        let ids = lines.iter().filter_map(|line| {
            // `requestId="…"` in text, `"requestId":"…"` in JSON.
            let (_, behind) = line.split_once("requestId")?;
            behind.trim_start_matches(['"', '=', ':']).split('"').next()
        });
        let mut count = 0;
        // A retry may have the same id.
        for id in ids.collect::<BTreeSet<_>>() {
            let lines = self.aws.log_lines(&group, id).await?;
            count += lines
                .iter()
                .filter(|line| line.starts_with("START ") || line.contains("platform.start\""))
                .count();
        }
        Ok(count)
    }

    /// Invokes a function of template.yaml directly.
    ///
    /// # Errors
    /// No answer, or no such function.
    pub async fn invoke(&self, function: &str, event: &Value) -> Result<Invocation> {
        self.aws.invoke(&self.resource(function).await?, event).await
    }

    async fn cognito(&self, operation: &str, body: &Value) -> Result<Value> {
        let target = format!("AWSCognitoIdentityProviderService.{operation}");
        self.aws.json("cognito-idp", &target, body).await
    }
}

/// Sends a request and reads its answer. A request to the API that is accepted must be one that the contract
/// has, as its answer must.
pub(crate) async fn send(request: reqwest::RequestBuilder) -> Result<Answer> {
    let (client, request) = request.build_split();
    let request = request?;
    let (url, body) =
        (request.url().clone(), request.body().and_then(|body| body.as_bytes().map(<[u8]>::to_vec)));
    let answer = Answer::read(client.execute(request).await?).await?;
    if let (Some(method), Some(body), true) = (url.fragment(), body, answer.status.is_success()) {
        contract::check_accepted(method, url.path(), &body)?;
    }
    Ok(answer)
}

/// Begins a client that speaks HTTPS with ring, as the functions do.
pub(crate) fn http_client() -> ClientBuilder {
    // Fails where an earlier client has installed it already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
}

/// A name that nobody has, with at most 32 characters where `prefix` has at most four.
///
/// It begins with `DARKROOM_RUN`, if that is set: by this prefix, `cargo xtask test --stack` finds the users and tiers
/// that the tests have made.
#[must_use]
pub fn unique(prefix: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let run = env::var("DARKROOM_RUN").unwrap_or_default();
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    format!("{run}{prefix}-{:x}-{:x}", since.as_micros(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// The e-mail address of a user of this name. It is one of the mailbox simulator of Amazon SES, because mail to
/// `example.com` would bounce and count against the account ("Using the mailbox simulator in Amazon SES").
#[must_use]
pub fn email_of(username: &str) -> String {
    format!("success+{username}@simulator.amazonses.com")
}

/// A new user's name, address and password.
pub(crate) fn credentials() -> (String, String, String) {
    let username = unique("user");
    let email = email_of(&username);
    (username, email, unique("Pass-Word"))
}

fn code_in(mail: &Value) -> Option<String> {
    let text = mail["BodyText"].as_str().or(mail["BodyHtml"].as_str())?;
    let digits = |word: &&str| word.len() == 6 && word.bytes().all(|byte| byte.is_ascii_digit());
    text.split(|c: char| !c.is_ascii_alphanumeric()).find(digits).map(str::to_owned)
}
