//! `GET /api/admin/users/{id}`: returns a user, with tier and usage.

use admin::{Pool, UserBody};
use api::{Caller, Error, Problem, Reply, Request, StatusCode};
use store::Records;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = aws::config()?;
    let (pool, records) = (Pool::from_env(&config)?, Records::from_env(&config)?);
    api::serve(|request| get(&pool, &records, request)).await
}

async fn get(pool: &Pool, records: &Records, request: Request) -> Reply {
    Caller::admin(&request).await?;
    let id = api::path_id(&request)?;
    let user = pool.user(&id).await?.ok_or_else(Problem::not_found)?;
    let profile = async { records.profile_or_default(&id).await.map_err(Problem::from) };
    let (is_admin, profile) = tokio::try_join!(pool.is_admin(&user.username), profile)?;
    api::json(StatusCode::OK, &UserBody::new(user, is_admin, profile))
}
