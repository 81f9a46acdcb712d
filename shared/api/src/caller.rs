//! The user who sent a request.

use std::collections::HashMap;

use domain::UserId;
use lambda_http::{Request, RequestExt, http::header, request::RequestContext};

use crate::{Authorization, Problem, ProblemCode, second_factor::SecondFactor, token};

/// The user whose access token is in the request.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The token's `sub`.
    pub user: UserId,
    /// The name the user logs in with.
    pub username: String,
    /// The Cognito groups the user is in.
    pub groups: Vec<String>,
}

impl Caller {
    /// The group in template.yaml.
    const ADMINS: &'static str = "admin";

    /// Reads the caller of a request: the user of an access token, or the owner of an API key.
    ///
    /// # Errors
    /// 401 `not-an-access-token` for an ID token, which the gateway's authorizer accepts. 401 `unauthorized` if there
    /// is no valid token and no valid key. 403 `scope-missing` if the key does not have the scope that the route needs.
    pub async fn of(request: &Request) -> Result<Self, Problem> {
        if let Some(claims) = gateway_claims(request) {
            return Self::from_claims(claims);
        }
        if let Some(authorization) = Authorization::of(request) {
            return Self::from_claims(&authorization?.claims(request)?);
        }
        let verifier = token::verifier()?.ok_or_else(Problem::unauthorized)?;
        Self::from_claims(&verifier.verify(bearer(request)?).await?)
    }

    /// Reads the caller of a request and checks that the token names an admin, with a second factor if this deployment
    /// requires one. The token can be an hour old: `require_admin` in `functions/admin` asks Cognito.
    ///
    /// # Errors
    /// 401 as [`Caller::of`], 403 `admins-only`, 403 `second-factor-required`.
    pub async fn admin(request: &Request) -> Result<Self, Problem> {
        let caller = Self::of(request).await?;
        if !caller.is_admin() {
            return Err(Problem::admins_only());
        }
        if let Some(second_factor) = SecondFactor::from_env()? {
            second_factor.require(bearer(request)?).await?;
        }
        Ok(caller)
    }

    /// Whether the token says that the caller is an admin.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        self.groups.iter().any(|group| group == Self::ADMINS)
    }

    pub(crate) fn from_claims(claims: &HashMap<String, String>) -> Result<Self, Problem> {
        let claim = |name: &str| claims.get(name).map(String::as_str).unwrap_or_default();
        if claim("token_use") != "access" {
            return Err(Problem::new(
                ProblemCode::NotAnAccessToken,
                "Send the access token, not the ID token.",
            ));
        }
        Ok(Self {
            user: claim("sub").parse().map_err(|_| Problem::unauthorized())?,
            username: claim("username").to_owned(),
            groups: list(claim("cognito:groups")).map(str::to_owned).collect(),
        })
    }
}

/// The elements of a claim that is a list. The JWT authorizer of an HTTP API formats it as `[a b]`: one pair of
/// brackets around the elements, separated by spaces. AWS does not document this format, but its own samples rely on it
/// (see aws-solutions-library-samples/guidance-for-claude-code-with-amazon-bedrock, issue 802). A group's name may
/// contain any bracket or comma, but no space (Cognito's API reference, CreateGroup, "GroupName").
fn list(claim: &str) -> impl Iterator<Item = &str> {
    let elements = claim.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or_default();
    elements.split(' ').filter(|element| !element.is_empty())
}

/// The claims that the gateway's authorizer has verified. Clients cannot set them, because the gateway adds them
/// outside of the HTTP request.
fn gateway_claims(request: &Request) -> Option<&HashMap<String, String>> {
    match request.request_context_ref()? {
        RequestContext::ApiGatewayV2(context) => Some(&context.authorizer.as_ref()?.jwt.as_ref()?.claims),
        _ => None,
    }
}

/// The bearer token of a request. Like the gateway, it accepts a token without the scheme.
///
/// # Errors
/// 401 `unauthorized`
pub fn bearer(request: &Request) -> Result<&str, Problem> {
    let value = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let value = value.ok_or_else(Problem::unauthorized)?;
    match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(token.trim()),
        None => Ok(value),
        Some(_) => Err(Problem::unauthorized()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(token_use: &str, groups: &str) -> HashMap<String, String> {
        [("sub", "5f0c-1"), ("username", "ann"), ("token_use", token_use), ("cognito:groups", groups)]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into()
    }

    #[test]
    fn an_id_token_is_not_an_access_token() {
        assert!(Caller::from_claims(&claims("access", "")).is_ok());
        for other in ["id", ""] {
            assert_eq!(
                Caller::from_claims(&claims(other, "")).unwrap_err().code,
                ProblemCode::NotAnAccessToken
            );
        }
    }

    #[test]
    fn groups_are_read_as_the_gateway_writes_them() {
        for (text, groups) in [
            ("", vec![]),
            ("[]", vec![]),
            ("[admin]", vec!["admin"]),
            ("[admin staff]", vec!["admin", "staff"]),
        ] {
            assert_eq!(Caller::from_claims(&claims("access", text)).unwrap().groups, groups);
        }
    }

    #[test]
    fn a_group_whose_name_looks_like_more_groups_is_one_group() {
        // The gateway's format of one group with this name.
        for name in ["x,admin", "admin,x", "[admin", "admin]", "[admin]", "admin,", "\"admin\""] {
            let caller = Caller::from_claims(&claims("access", &format!("[{name}]"))).unwrap();
            assert_eq!(caller.groups, [name]);
        }
        // A claim that is text instead of a list. The groups of the pool are always a list.
        for text in ["admin", "admin]", "[admin"] {
            assert_eq!(Caller::from_claims(&claims("access", text)).unwrap().groups, [""; 0], "{text}");
        }
    }
}
