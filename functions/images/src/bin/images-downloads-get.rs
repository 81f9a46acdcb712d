//! `GET /api/downloads/{id}`: returns the progress of a download, and the address of its archive when that exists.

use api::{Caller, Error, Problem, Reply, Request, StatusCode};
use images::DownloadBody;
use store::{Objects, Records};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = aws::config()?;
    let (records, objects) = (Records::from_env(&config)?, Objects::from_env(&config)?);
    api::serve(|request| get(&records, &objects, request)).await
}

async fn get(records: &Records, objects: &Objects, request: Request) -> Reply {
    let caller = Caller::of(&request).await?;
    let (user, id, now) = (&caller.user, api::path_id(&request)?, domain::now());
    let (download, ()) = tokio::try_join!(records.download(user, id, now), objects.prepare_addresses())?;
    let download = download.ok_or_else(Problem::not_found)?;
    api::json(StatusCode::OK, &DownloadBody::of(download, objects, user, now).await?)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use test_support::{Answer, FakeAws, IMAGE_ID, TestRequest, USER, items, ok};

    use super::*;

    const ID: &str = "01K8Z3J5Q00000000000000D0W";

    fn download(status: &str, expires_at: i64) -> Value {
        json!({
            "pk": format!("USER#{USER}"), "sk": "DOWNLOAD#1", "id": ID, "slot": 1, "job": IMAGE_ID,
            "images": [IMAGE_ID], "bytes": 1000, "status": status, "files_done": 1, "bytes_done": 1000,
            "created_at": "2026-03-12T19:03:58Z", "expires_at": expires_at,
        })
    }

    async fn answer(download: &Value) -> Answer {
        let aws = FakeAws::new([ok("Query", items(std::slice::from_ref(download)))]);
        let request = TestRequest::new("GET").path("id", ID).build();
        get(&aws.records(), &aws.objects(), request).await.into()
    }

    #[tokio::test]
    async fn a_finished_archive_has_an_address_under_the_key_of_its_owner() {
        let answer = answer(&download("done", 4_000_000_000)).await;
        let url = answer.body["url"].as_str().unwrap();
        let start = format!("https://derived.s3.eu-central-1.amazonaws.com/downloads/{USER}/{ID}.zip?");
        assert!(url.starts_with(&start) && url.contains("darkroom%252D2026%252D03%252D12%252Ezip"), "{url}");
    }

    #[tokio::test]
    async fn before_that_there_is_no_address_and_after_its_time_no_download() {
        assert_eq!(answer(&download("queued", 4_000_000_000)).await.body["url"], Value::Null);
        assert_eq!(answer(&download("done", 1)).await.status, 404);
    }
}
