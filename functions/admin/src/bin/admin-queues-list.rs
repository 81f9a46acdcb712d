//! `GET /api/admin/queues`: returns the numbers of waiting messages and of dead letters.

use admin::Queues;
use api::{Caller, Error, Reply, Request, StatusCode};
use serde::Serialize;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let queues = Queues::from_env(&aws::config()?)?;
    api::serve(|request| list(&queues, request)).await
}

#[derive(Debug, Serialize)]
struct Body {
    queues: Vec<QueueBody>,
}

#[derive(Debug, Serialize)]
struct QueueBody {
    name: &'static str,
    waiting: u64,
    in_flight: u64,
    dead: u64,
}

async fn list(queues: &Queues, request: Request) -> Reply {
    Caller::admin(&request).await?;
    let queues = queues.depths().await?.into_iter().map(|(name, work, dead)| QueueBody {
        name,
        waiting: work.waiting,
        in_flight: work.in_flight,
        dead: dead.waiting + dead.in_flight,
    });
    api::json(StatusCode::OK, &Body { queues: queues.collect() })
}
