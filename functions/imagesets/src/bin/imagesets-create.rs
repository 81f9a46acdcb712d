//! `POST /api/imagesets`: makes a set with three empty slots.

use api::{Caller, Error, Reply, Request, SetBody, StatusCode};
use domain::{ImageSet, SetText};
use store::{Created, Records};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let records = Records::from_env(&aws::config()?)?;
    api::serve(|request| create(&records, request)).await
}

async fn create(records: &Records, request: Request) -> Reply {
    let caller = Caller::of(&request).await?;
    let text: SetText = api::body(&request)?;
    let (now, once) = (domain::now(), api::once(&request)?);
    let set = ImageSet::new(text, now);
    let set = match records.create_set(&caller.user, &set, once.as_ref(), now).await? {
        Created::New => set,
        Created::Replayed(set) => set,
    };
    api::json(StatusCode::CREATED, &SetBody::new(&set, |_| None))
}
