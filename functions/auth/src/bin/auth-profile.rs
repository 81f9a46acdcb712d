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
    api::json(StatusCode::OK, &ProfileBody::new(caller, account, pending_email, &profile, now))
}
