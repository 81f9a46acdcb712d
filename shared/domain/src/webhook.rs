//! Webhooks: addresses to which Darkroom delivers the events of a user, as Standard Webhooks specifies.

use std::fmt;

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};
use url::{Host, Url};

use crate::{DeliveryId, Description, Event, EventType, InvalidField, Timestamp, WebhookId, is_public};

/// The address of a webhook in its normal form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WebhookUrl(Url);

impl WebhookUrl {
    /// The longest address in its normal form, in characters.
    const MAX_CHARACTERS: usize = 2_000;

    /// The address as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The host, if it is a name that has to be resolved, and the port.
    #[must_use]
    pub fn name_and_port(&self) -> Option<(&str, u16)> {
        self.0.domain().zip(self.0.port_or_known_default())
    }

    /// Whether everybody on the internet could have this address: it uses `https`, and its host is a name or a public
    /// address. The addresses of a name need a check of their own.
    ///
    /// # Errors
    /// What is wrong with the address.
    pub fn require_public(&self) -> Result<(), InvalidField> {
        if self.0.scheme() != "https" {
            return Err("must begin with https://".into());
        }
        let is_public_host = match self.0.host() {
            Some(Host::Ipv4(address)) => is_public(address.into()),
            Some(Host::Ipv6(address)) => is_public(address.into()),
            Some(Host::Domain(_)) => true,
            None => false,
        };
        is_public_host.then_some(()).ok_or_else(|| "must not be an address of a private network".into())
    }
}

impl TryFrom<String> for WebhookUrl {
    type Error = InvalidField;

    fn try_from(text: String) -> Result<Self, InvalidField> {
        let url = Url::parse(&text)
            .map_err(|_| InvalidField::from("must be an address such as https://example.com/hook"))?;
        // The normal form is stored, and reading checks it again. It is ASCII, and can be longer than the text.
        if url.as_str().len() > Self::MAX_CHARACTERS {
            return Err("must have at most 2000 characters after percent-encoding".into());
        }
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return Err("must begin with https://".into());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("must not contain a user name or a password".into());
        }
        if url.fragment().is_some() {
            return Err("must not contain a fragment (#)".into());
        }
        Ok(Self(url))
    }
}

impl From<WebhookUrl> for String {
    fn from(url: WebhookUrl) -> Self {
        url.0.into()
    }
}

/// The types that a webhook asks for, each once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<EventType>", into = "Vec<EventType>")]
pub struct WebhookEvents(Vec<EventType>);

impl WebhookEvents {
    /// Whether a type is among them.
    #[must_use]
    pub fn contains(&self, kind: EventType) -> bool {
        self.0.contains(&kind)
    }
}

impl TryFrom<Vec<EventType>> for WebhookEvents {
    type Error = InvalidField;

    fn try_from(mut types: Vec<EventType>) -> Result<Self, InvalidField> {
        if types.is_empty() {
            return Err("must name at least one type, or be null for all types".into());
        }
        if !types.iter().all(|kind| kind.is_for_webhooks()) {
            return Err("must name types that webhooks receive".into());
        }
        types.sort_unstable();
        types.dedup();
        Ok(Self(types))
    }
}

impl From<WebhookEvents> for Vec<EventType> {
    fn from(events: WebhookEvents) -> Self {
        events.0
    }
}

/// Why Darkroom stopped the deliveries to a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DisabledReason {
    /// All attempts of a delivery failed, over more than a day. Meanwhile no other delivery succeeded, and the owner did
    /// not change the webhook.
    Failing,
    /// The receiver answered 410 (Gone).
    Gone,
}

/// That Darkroom stopped the deliveries to a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disabled {
    /// Why.
    pub reason: DisabledReason,
    /// When.
    pub at: Timestamp,
}

/// The record of a webhook. Its secrets are an item of their own, which no list reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    /// The webhook's id. The attribute has another name than the ids of images, because the table's indexes contain
    /// each item with an attribute `id`.
    #[serde(rename = "webhook_id")]
    pub id: WebhookId,
    /// The address of the receiver.
    pub url: WebhookUrl,
    /// The types that the webhook asks for. `None` means all types.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<WebhookEvents>,
    /// The owner's note.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Description>,
    /// Whether new events are delivered.
    pub enabled: bool,
    /// Set if Darkroom itself stopped the deliveries, until the owner enables the webhook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled: Option<Disabled>,
    /// When the webhook was created.
    pub created_at: Timestamp,
    /// When the owner or Darkroom changed the webhook last.
    pub updated_at: Timestamp,
    /// When a delivery succeeded, to [`Webhook::SUCCESS_SECONDS`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_success_at: Option<Timestamp>,
}

impl Webhook {
    /// How many webhooks a user can have.
    pub const MAX_PER_USER: u64 = 10;

    /// How old `last_success_at` may become before a success is stored, in seconds. So a receiver of many events does
    /// not cause a write to the webhook for each.
    pub const SUCCESS_SECONDS: i64 = 60 * 60;

    /// Whether an event of this type is delivered to the webhook.
    #[must_use]
    pub fn wants(&self, kind: EventType) -> bool {
        let is_asked_for = self.events.as_ref().is_none_or(|events| events.contains(kind));
        self.enabled && kind.is_for_webhooks() && is_asked_for
    }
}

/// A secret that signs deliveries: `whsec_` and 32 random bytes in base64 (Standard Webhooks, "Secret serialization").
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WebhookSecret(String);

impl WebhookSecret {
    /// A new secret. The generator of its random bits is a cryptographic one, and the operating system seeds it (the
    /// crate `rand`, `ThreadRng`, "Security").
    #[must_use]
    pub fn generate() -> Self {
        let bytes: [u8; 32] = rand::random();
        Self(format!("whsec_{}", BASE64_STANDARD.encode(bytes)))
    }

    /// The secret as text, for its owner and for signatures.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// The secret must not get into a log.
impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(…)")
    }
}

/// The secrets of a webhook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookSecrets {
    /// The secret that signs every delivery.
    pub current: WebhookSecret,
    /// The secret before the latest rotation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<PreviousSecret>,
}

/// A secret that was replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviousSecret {
    /// The secret.
    pub secret: WebhookSecret,
    /// Until when it also signs deliveries, in seconds since 1970.
    pub until: i64,
}

impl WebhookSecrets {
    /// For how long the previous secret also signs deliveries, in seconds.
    pub const ROTATION_SECONDS: i64 = 24 * 60 * 60;

    /// The secrets of a new webhook.
    #[must_use]
    pub fn new() -> Self {
        Self { current: WebhookSecret::generate(), previous: None }
    }

    /// The secret `new`, and the current one as the previous one.
    #[must_use]
    pub fn rotated(self, new: WebhookSecret, now: Timestamp) -> Self {
        let until = now.as_second() + Self::ROTATION_SECONDS;
        let previous = PreviousSecret { secret: self.current, until };
        Self { current: new, previous: Some(previous) }
    }

    /// The secrets that sign a delivery at `now`, the current one first.
    pub fn valid(&self, now: Timestamp) -> impl Iterator<Item = &WebhookSecret> {
        let previous = self.previous.as_ref().filter(|previous| previous.until > now.as_second());
        std::iter::once(&self.current).chain(previous.map(|previous| &previous.secret))
    }
}

impl Default for WebhookSecrets {
    fn default() -> Self {
        Self::new()
    }
}

/// The state of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryStatus {
    /// An attempt will follow, or is in progress.
    Pending,
    /// The receiver answered with a status of success (2xx).
    Delivered,
    /// The last attempt failed.
    Failed,
}

impl DeliveryStatus {
    /// The name in records and responses.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }
}

/// Why an attempt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AttemptError {
    /// The host has no address.
    NotResolved,
    /// The host has an address of a private network.
    AddressRefused,
    /// The connection could not be opened, or broke. Or the head of the answer was too long.
    NotConnected,
    /// The receiver did not answer in time.
    Timeout,
    /// The receiver answered with a redirect, which Darkroom does not follow.
    Redirect,
    /// The receiver answered with another status than 2xx.
    Status,
    /// The webhook was disabled or deleted before the attempt.
    Disabled,
    /// Darkroom failed.
    Internal,
}

/// One attempt to deliver an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// When it began.
    pub at: Timestamp,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// The status of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Why it failed. `None` if it succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<AttemptError>,
}

/// The record of a delivery: an event that a webhook receives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    /// The delivery's id.
    #[serde(rename = "delivery_id")]
    pub id: DeliveryId,
    /// The webhook.
    pub webhook: WebhookId,
    /// The event, which is the body of each attempt.
    pub event: Event,
    /// The state.
    pub status: DeliveryStatus,
    /// The number of attempts.
    pub attempts: u32,
    /// The latest attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_attempt: Option<Attempt>,
    /// When the next attempt begins, if one follows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_attempt_at: Option<Timestamp>,
    /// When the delivery was recorded.
    pub created_at: Timestamp,
    /// When the record expires, in seconds since 1970. This is the table's TTL attribute.
    pub expires_at: i64,
}

impl Delivery {
    /// For how long deliveries are kept, in seconds. The stream repeats a record for at most a day, so it finds the
    /// delivery that exists already.
    pub const KEPT_SECONDS: i64 = 15 * 24 * 60 * 60;

    /// A delivery that no attempt was made of.
    #[must_use]
    pub fn new(id: DeliveryId, webhook: WebhookId, event: Event, now: Timestamp) -> Self {
        Self {
            id,
            webhook,
            event,
            status: DeliveryStatus::Pending,
            attempts: 0,
            last_attempt: None,
            next_attempt_at: None,
            created_at: now,
            expires_at: now.as_second() + Self::KEPT_SECONDS,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Result<WebhookUrl, InvalidField> {
        text.to_owned().try_into()
    }

    #[test]
    fn an_address_of_the_internet_is_accepted() {
        for text in
            ["https://example.com/hook?a=b", "https://93.184.216.34:8443/", "https://[2606:4700::1111]/"]
        {
            assert_eq!(url(text).unwrap().require_public(), Ok(()), "{text}");
        }
        assert_eq!(url("https://example.com:8443/").unwrap().name_and_port(), Some(("example.com", 8443)));
        assert_eq!(url("https://example.com/").unwrap().name_and_port(), Some(("example.com", 443)));
        assert_eq!(url("https://93.184.216.34/").unwrap().name_and_port(), None);
    }

    #[test]
    fn every_spelling_of_a_private_address_is_refused() {
        for text in [
            "https://127.0.0.1/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://0177.0.0.1/",
            "https://169.254.169.254/latest/meta-data/",
            "https://[::1]/",
            "https://[::ffff:7f00:1]/",
            "https://[fd00:ec2::254]/",
            "https://10.0.0.1/",
        ] {
            assert!(url(text).unwrap().require_public().is_err(), "{text}");
        }
        assert!(url("http://example.com/").unwrap().require_public().is_err());
    }

    #[test]
    fn what_is_no_address_of_a_receiver_is_refused() {
        for text in [
            "",
            "example.com",
            "ftp://example.com/",
            "https://",
            "https://ann:pw@example.com/",
            "https://example.com/#part",
            "file:///etc/passwd",
            "data:,x",
            &format!("https://example.com/{}", "x".repeat(2000)),
        ] {
            assert!(url(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_address_that_is_accepted_can_be_read_again() {
        // In the normal form, each of these characters has six.
        let text = |count| format!("https://example.com/{}", "é".repeat(count));
        let accepted = url(&text(330)).unwrap();
        assert_eq!(accepted.as_str().len(), 2_000);
        assert_eq!(url(accepted.as_str()), Ok(accepted));
        assert!(url(&text(331)).is_err());
    }

    #[test]
    fn a_webhook_gets_what_it_asks_for_while_it_is_enabled() {
        let now = crate::now();
        let all = Webhook {
            id: WebhookId::generate(),
            url: url("https://example.com/").unwrap(),
            events: None,
            description: None,
            enabled: true,
            disabled: None,
            created_at: now,
            updated_at: now,
            last_success_at: None,
        };
        assert!(all.wants(EventType::ImageReady));
        assert!(!all.wants(EventType::AccountDeleted));
        let some = Webhook { events: Some(vec![EventType::ImageFailed].try_into().unwrap()), ..all.clone() };
        assert!(some.wants(EventType::ImageFailed) && !some.wants(EventType::ImageReady));
        assert!(!Webhook { enabled: false, ..all }.wants(EventType::ImageReady));
        for types in [vec![], vec![EventType::AccountDeleted], vec![EventType::WebhookTest]] {
            assert!(WebhookEvents::try_from(types).is_err());
        }
    }

    #[test]
    fn two_secrets_are_valid_for_a_day_after_a_rotation() {
        let now = crate::now();
        let later = |seconds| Timestamp::from_second(now.as_second() + seconds).unwrap();
        let first = WebhookSecrets::new();
        let second = first.clone().rotated(WebhookSecret::generate(), now);
        let valid = |at| second.valid(at).cloned().collect::<Vec<_>>();
        assert_eq!(valid(later(0)), [second.current.clone(), first.current.clone()]);
        assert_eq!(valid(later(WebhookSecrets::ROTATION_SECONDS)), std::slice::from_ref(&second.current));
        // A second rotation ends the first secret at once.
        let third = second.clone().rotated(WebhookSecret::generate(), now);
        assert_eq!(third.valid(now).cloned().collect::<Vec<_>>(), [third.current.clone(), second.current]);
    }

    #[test]
    fn a_secret_has_the_form_of_standard_webhooks_and_is_not_in_logs() {
        let secret = WebhookSecret::generate();
        let bytes = BASE64_STANDARD.decode(secret.reveal().strip_prefix("whsec_").unwrap()).unwrap();
        assert_eq!(bytes.len(), 32);
        assert_eq!(
            format!("{:?}", WebhookSecrets::new()),
            "WebhookSecrets { current: WebhookSecret(…), previous: None }"
        );
    }
}
