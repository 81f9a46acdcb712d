//! What the Lambda authorizer `keys-authorizer` says of a request.
//!
//! The authorizer lets every request through and describes the credential, and the endpoint refuses the request. So a
//! client gets a problem document with a code. If the authorizer refused the request itself, the gateway would answer
//! 403 even to a token that has expired (Amazon API Gateway Developer Guide, "Control access to HTTP APIs with AWS
//! Lambda authorizers").

use aws::CallError;
use domain::{ApiKey, Scope, Timestamp, UserId};
use lambda_http::{Request, RequestExt, request::RequestContext};
use serde::{Deserialize, Serialize};

use crate::{Claims, Problem, ProblemCode};

/// The credential of a request, as the authorizer has verified it. Clients cannot set it, because the gateway adds it
/// outside of the HTTP request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "credential", rename_all = "snake_case")]
pub enum Authorization {
    /// A valid token of the user pool.
    Token {
        /// Its `sub`.
        sub: String,
        /// The name the user logs in with.
        username: String,
        /// `access`, or `id` for an ID token.
        token_use: String,
        /// The groups of the user, as the gateway's own authorizer formats them.
        groups: String,
        /// When it expires, in seconds since 1970. The gateway caches the result for a minute.
        expires_at: String,
    },
    /// A valid API key.
    Key {
        /// The owner.
        sub: String,
        /// The name the owner logs in with.
        username: String,
        /// The scopes, separated by spaces.
        scopes: String,
        /// When it expires, in seconds since 1970. Empty if it does not expire.
        expires_at: String,
    },
    /// Anything else.
    Invalid,
    /// AWS did not answer, so the credential was not verified.
    Unavailable,
}

impl Authorization {
    /// What the authorizer says of a request. `None` if the route has no such authorizer.
    pub(crate) fn of(request: &Request) -> Option<Result<Self, Problem>> {
        let Some(RequestContext::ApiGatewayV2(context)) = request.request_context_ref() else { return None };
        let fields = &context.authorizer.as_ref()?.fields;
        if !fields.contains_key("credential") {
            return None;
        }
        let fields = serde_json::to_value(fields).and_then(serde_json::from_value);
        Some(fields.map_err(Problem::internal))
    }

    /// A verified token.
    #[must_use]
    pub fn of_token(claims: &Claims) -> Self {
        let claim = |name: &str| claims.get(name).cloned().unwrap_or_default();
        Self::Token {
            sub: claim("sub"),
            username: claim("username"),
            token_use: claim("token_use"),
            groups: claim("cognito:groups"),
            expires_at: claim("exp"),
        }
    }

    /// A verified key.
    #[must_use]
    pub fn of_key(user: &UserId, key: &ApiKey) -> Self {
        let scopes: Vec<&str> = key.scopes.iter().map(Scope::as_str).collect();
        Self::Key {
            sub: user.to_string(),
            username: key.username.clone(),
            scopes: scopes.join(" "),
            expires_at: key.expires_at.map(|at| at.to_string()).unwrap_or_default(),
        }
    }

    /// The user, if the credential is valid.
    pub(crate) fn user(&self) -> Option<&str> {
        match self {
            Self::Token { sub, .. } | Self::Key { sub, .. } => Some(sub),
            Self::Invalid | Self::Unavailable => None,
        }
    }

    /// The claims of the user of a request with this credential, as an access token has them. The owner of a key has no
    /// groups.
    ///
    /// # Errors
    /// 401 `unauthorized` if the credential is not valid, 403 `scope-missing`, 503 `unavailable`.
    pub(crate) fn claims(self, request: &Request) -> Result<Claims, Problem> {
        let (sub, username, token_use, groups) = match self {
            Self::Token { sub, username, token_use, groups, expires_at } => {
                require_time(&expires_at, domain::now())?;
                (sub, username, token_use, groups)
            }
            Self::Key { sub, username, scopes, expires_at } => {
                require_time(&expires_at, domain::now())?;
                require_scope(&scopes, route_of(request))?;
                (sub, username, "access".to_owned(), String::new())
            }
            Self::Invalid => return Err(Problem::unauthorized()),
            Self::Unavailable => {
                return Err(CallError::Unavailable("the credential could not be verified".into()).into());
            }
        };
        let claims =
            [("sub", sub), ("username", username), ("token_use", token_use), ("cognito:groups", groups)];
        Ok(claims.map(|(name, value)| (name.to_owned(), value)).into())
    }
}

/// The gateway's name of the route.
fn route_of(request: &Request) -> &str {
    match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV2(context)) => context.route_key.as_deref().unwrap_or_default(),
        _ => "",
    }
}

/// Requires that a credential has not expired since the gateway cached the result.
fn require_time(expires_at: &str, now: Timestamp) -> Result<(), Problem> {
    let is_over = expires_at.parse().is_ok_and(|at: i64| at <= now.as_second());
    if is_over { Err(Problem::unauthorized()) } else { Ok(()) }
}

/// Requires the scope of a route.
fn require_scope(scopes: &str, route: &str) -> Result<(), Problem> {
    let Some(needed) = Scope::of_route(route) else {
        return Err(Problem::new(ProblemCode::ScopeMissing, "API keys cannot use this endpoint."));
    };
    if scopes.split(' ').any(|scope| scope == needed.as_str()) {
        return Ok(());
    }
    let detail = format!("This API key does not have the scope {needed}.");
    Err(Problem::new(ProblemCode::ScopeMissing, detail).with("scope", needed.as_str()))
}

#[cfg(test)]
mod tests {
    use lambda_http::{aws_lambda_events::apigw::ApiGatewayV2httpRequest, request::LambdaRequest};
    use serde_json::{Value, json};

    use super::*;
    use crate::Caller;

    fn request(route: &str, authorizer: Value) -> Request {
        let event = json!({
            "version": "2.0", "rawPath": "/", "rawQueryString": "", "headers": {}, "isBase64Encoded": false,
            "requestContext": {
                "http": {"method": "GET", "path": "/"}, "routeKey": route, "authorizer": {"lambda": authorizer},
            },
        });
        let event: ApiGatewayV2httpRequest = serde_json::from_value(event).unwrap();
        LambdaRequest::ApiGatewayV2(event).into()
    }

    fn key(scopes: &str, expires_at: &str) -> Value {
        json!({
            "credential": "key", "sub": "5f0c-1", "username": "ann", "scopes": scopes, "expires_at": expires_at,
        })
    }

    fn token(expires_at: &str) -> Value {
        json!({
            "credential": "token", "sub": "5f0c-1", "username": "ann", "token_use": "access", "groups": "[admin]",
            "expires_at": expires_at,
        })
    }

    async fn code(route: &str, authorizer: Value) -> Option<ProblemCode> {
        Caller::of(&request(route, authorizer)).await.err().map(|problem| problem.code)
    }

    #[tokio::test]
    async fn a_key_acts_for_its_owner_with_its_scopes_and_is_never_an_admin() {
        let caller =
            Caller::of(&request("GET /api/images", key("images:read phones:read", ""))).await.unwrap();
        assert_eq!((caller.user.as_str(), caller.username.as_str()), ("5f0c-1", "ann"));
        assert!(!caller.is_admin());
        for route in ["POST /api/images", "POST /api/phones/{phone_number}/images", "GET /api/webhooks"] {
            assert_eq!(
                code(route, key("images:read phones:read", "")).await,
                Some(ProblemCode::ScopeMissing)
            );
        }
        // The name of a scope is compared as a whole.
        assert_eq!(code("GET /api/images", key("images:reader", "")).await, Some(ProblemCode::ScopeMissing));
        let all: Vec<&str> = Scope::ALL.iter().map(|scope| scope.as_str()).collect();
        for route in ["GET /api/keys", "GET /api/auth/profile", "GET /api/admin/images"] {
            assert_eq!(
                code(route, key(&all.join(" "), "")).await,
                Some(ProblemCode::ScopeMissing),
                "{route}"
            );
        }
    }

    #[tokio::test]
    async fn a_token_has_the_groups_of_its_user() {
        let caller = Caller::of(&request("GET /api/images", token("9999999999"))).await.unwrap();
        assert!(caller.is_admin());
    }

    #[tokio::test]
    async fn what_expired_while_its_result_was_cached_is_refused() {
        for authorizer in [key("images:read", "100"), token("100")] {
            assert_eq!(code("GET /api/images", authorizer).await, Some(ProblemCode::Unauthorized));
        }
    }

    #[tokio::test]
    async fn other_credentials_are_refused() {
        let invalid = json!({"credential": "invalid"});
        assert_eq!(code("GET /api/images", invalid).await, Some(ProblemCode::Unauthorized));
        let unavailable = json!({"credential": "unavailable"});
        assert_eq!(code("GET /api/images", unavailable).await, Some(ProblemCode::Unavailable));
        // Without the authorizer there is no caller.
        assert_eq!(code("GET /api/images", json!({})).await, Some(ProblemCode::Unauthorized));
    }

    #[test]
    fn what_the_authorizer_writes_reads_back() {
        let claims = [("sub", "5f0c-1"), ("username", "ann"), ("token_use", "access"), ("exp", "100")];
        let claims = claims.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let token = Authorization::of_token(&claims);
        let written = serde_json::to_value(&token).unwrap();
        assert_eq!(Authorization::of(&request("", written)).unwrap().unwrap(), token);
    }
}
