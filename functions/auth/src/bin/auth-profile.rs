//! `GET /api/auth/profile`: returns the caller with tier and usage.

use api::{Caller, Error, Problem, Reply, Request, StatusCode};
use auth::{Account, Pool, ProfileBody};
use store::Records;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = aws::config()?;
    let (pool, records) = (Pool::from_env(&config)?, Records::from_env(&config)?);
    api::serve(|request| profile(&pool, &records, request)).await
}

async fn profile(pool: &Pool, records: &Records, request: Request) -> Reply {
    let caller = Caller::of(&request).await?;
    let now = domain::now();
    let (account, profile, pending_email) = tokio::try_join!(
        Account::read(pool, api::bearer(&request)?),
        async { records.counted_profile(&caller.user, now).await.map_err(Problem::from) },
        async { records.pending_email(&caller.user, now).await.map_err(Problem::from) },
    )?;
    let pending_email = pending_email.map(|pending| pending.email);
    api::json(StatusCode::OK, &ProfileBody::new(caller, account, pending_email, &profile, now))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use test_support::{Answer, FakeAws, TestRequest, USER, USERNAME, item, items, ok, tier};

    use super::*;

    #[tokio::test]
    async fn a_profile_has_what_cognito_and_the_table_know_and_the_facts_of_the_deployment() {
        let mut stored = test_support::profile(tier());
        stored["sets"] = json!(2);
        let email = json!({"Name": "email", "Value": "ann@example.com"});
        let aws = FakeAws::new([
            ok("GetUser", json!({"Username": USERNAME, "UserAttributes": [email]})),
            ok("GetItem", item(&stored)),
            ok("Query", items(&[])),
            ok("Query", items(&[])),
            ok("GetItem", json!({})),
        ]);
        let pool = Pool::new(&aws.config(), "client".to_owned());
        let answer: Answer = profile(&pool, &aws.records(), TestRequest::new("GET").build()).await.into();
        assert_eq!(answer.status, 200, "{}", answer.body);
        let Answer { body, .. } = answer;
        assert_eq!((&body["id"], &body["username"]), (&json!(USER), &json!(USERNAME)));
        assert_eq!((&body["email"], &body["tier"]), (&json!("ann@example.com"), &json!("basic")));
        assert_eq!((&body["usage"]["images"], &body["usage"]["sets"]), (&json!(1), &json!(2)));
        // The test sets no variable of a deployment, as a deployment without these features and without an address.
        assert_eq!(body["features"], json!({"ai": false, "dropbox": false}));
        assert_eq!(body.get("contact_url"), Some(&Value::Null));
    }
}
