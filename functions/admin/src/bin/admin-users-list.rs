//! `GET /api/admin/users`: returns a page of all users, with tier and usage. With `search`, only users whose name or
//! e-mail address begins with this text.

use std::{collections::HashMap, fmt, str::FromStr};

use admin::{Pool, SearchField, UserBody};
use api::{Caller, CursorKey, Error, Problem, Query, Reply, Request, StatusCode};
use domain::{Profile, UserId};
use serde::Serialize;
use store::Records;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = aws::config()?;
    let (pool, records) = (Pool::from_env(&config)?, Records::from_env(&config)?);
    let key = CursorKey::from_env()?;
    api::serve(|request| list(&pool, &records, &key, request)).await
}

#[derive(Debug, Serialize)]
struct PageBody {
    users: Vec<UserBody>,
    next_cursor: Option<String>,
}

/// Where a page begins: the attribute that it searches, and Cognito's token. A search for names is followed by the same
/// search for e-mail addresses, whose first page has no token.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Position {
    field: SearchField,
    token: Option<String>,
}

async fn list(pool: &Pool, records: &Records, key: &CursorKey, request: Request) -> Reply {
    let caller = Caller::admin(&request).await?;
    let query = Query::of(&request);
    let (limit, search) = (query.limit_to(Pool::MAX_LIMIT)?, query.search()?);
    let cursor = key.of("users", &caller.user, search.unwrap_or_default());
    let Position { field, token } = query.cursor(&cursor)?.unwrap_or(Position::START);
    let found = pool.users(limit, token, search.map(|text| (field, text)));
    let admins = async { pool.admins().await.map_err(Problem::from) };
    let ((mut users, token), admins) = tokio::try_join!(found, admins)?;
    if let Some(text) = search.filter(|_| field == SearchField::Email) {
        // The search for names has already found these.
        users.retain(|user| !user.username.starts_with(text));
    }
    let ids: Vec<UserId> = users.iter().map(|user| user.id.clone()).collect();
    let (profiles, default) = tokio::try_join!(records.profiles(&ids), records.default_tier())?;
    let mut profiles: HashMap<UserId, Profile> = profiles.into_iter().collect();
    let users = users.into_iter().map(|user| {
        let profile = profiles.remove(&user.id).unwrap_or_else(|| Profile::new(default.clone()));
        let is_admin = admins.iter().any(|admin| admin.id == user.id);
        UserBody::new(user, is_admin, profile)
    });
    let next = match token {
        Some(token) => Some(Position { field, token: Some(token) }),
        None if search.is_some() && field == SearchField::Username => {
            Some(Position { field: SearchField::Email, token: None })
        }
        None => None,
    };
    let body = PageBody { users: users.collect(), next_cursor: next.map(|next| cursor.encode(next)) };
    api::json(StatusCode::OK, &body)
}

impl Position {
    const START: Self = Self { field: SearchField::Username, token: None };
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let field = match self.field {
            SearchField::Username => "username",
            SearchField::Email => "email",
        };
        write!(f, "{field} {}", self.token.as_deref().unwrap_or_default())
    }
}

/// The text is no position.
#[derive(Debug)]
struct NoPosition;

impl FromStr for Position {
    type Err = NoPosition;

    fn from_str(text: &str) -> Result<Self, NoPosition> {
        let (field, token) = text.split_once(' ').ok_or(NoPosition)?;
        let field = match field {
            "username" => SearchField::Username,
            "email" => SearchField::Email,
            _ => return Err(NoPosition),
        };
        Ok(Self { field, token: Some(token).filter(|token| !token.is_empty()).map(str::to_owned) })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use test_support::{Answer, FakeAws, TestRequest, item, ok, tier};

    use super::*;

    fn user(name: &str, email: &str) -> Value {
        json!({"Username": name, "Enabled": true, "UserStatus": "CONFIRMED", "Attributes": [
            {"Name": "sub", "Value": format!("sub-{name}")}, {"Name": "email", "Value": email},
        ]})
    }

    async fn page(found: Value, query: &str) -> (Answer, Vec<(String, Value)>) {
        let aws = FakeAws::new([
            ok("ListUsers", found),
            ok("ListUsersInGroup", json!({"Users": [user("ann", "ann@example.com")]})),
            ok("BatchGetItem", json!({"Responses": {}})),
            ok("GetItem", item(&tier())),
        ]);
        let request = TestRequest::new("GET").admin().query(query);
        let pool = Pool::new(&aws.config(), "pool".to_owned());
        let key = CursorKey::new("stack".to_owned());
        (list(&pool, &aws.records(), &key, request.build()).await.into(), aws.calls())
    }

    #[tokio::test]
    async fn a_search_finds_names_first_and_then_addresses_without_repeating_a_user() {
        let found = json!({"Users": [user("ann", "ann@example.com")]});
        let (first, calls) = page(found, "search=an%22n%5C").await;
        assert_eq!(calls[0].1["Filter"], r#"username ^= "an\"n\\""#);
        assert_eq!((first.status, &first.body["users"][0]["admin"]), (200, &json!(true)));

        let (first, _) = page(json!({"Users": []}), "search=an").await;
        let cursor = first.body["next_cursor"].as_str().unwrap();
        let found = json!({"Users": [user("ann", "ann@example.com"), user("bob", "and@example.com")]});
        let (second, calls) = page(found, &format!("search=an&cursor={cursor}")).await;
        assert_eq!(
            (&calls[0].1["Filter"], &calls[0].1["PaginationToken"]),
            (&json!("email ^= \"an\""), &Value::Null)
        );
        let users = second.body["users"].as_array().unwrap();
        assert_eq!((users.len(), &users[0]["username"]), (1, &json!("bob")));
        assert_eq!(second.body["next_cursor"], Value::Null);
        // A cursor of another search does not work.
        let (other, _) = page(json!({"Users": []}), &format!("search=b&cursor={cursor}")).await;
        assert_eq!((other.status, &other.body["code"]), (400, &json!("bad-cursor")));
    }
}
