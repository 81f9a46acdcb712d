//! `GET /l/{link_id}`: redirects a visitor of an expiring link to the picture, and counts the view. It needs no token.
//!
//! Programs that only check a link send `HEAD`, which counts no view.

use api::{Error, Problem, ProblemCode, Reply, Request};
use domain::Timestamp;
use images::{RenditionWorker, file_name_of_rendition, link_in_path, shown_rendition};
use store::{Objects, OpenedLink, Records, content_disposition};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = aws::config()?;
    let (records, objects) = (Records::from_env(&config)?, Objects::from_env(&config)?);
    let worker = RenditionWorker::from_env(&config)?;
    api::serve(|request| view(&records, &objects, &worker, request)).await
}

/// What people see instead of a problem document. The style is that of the web page.
const NOTHING_TO_SHOW: [&str; 3] = [
    "<!doctype html><html lang=en><meta name=viewport content='width=device-width'>\
        <title>This link does not work</title>",
    ":root{color-scheme:light dark;font:16px/1.5 system-ui,'Segoe UI',Roboto,sans-serif;\
        color:light-dark(#1d1917,#f2ede9);background:light-dark(#f7f5f3,#141211)}\
        main{max-width:28rem;margin:22vh auto 0;padding:0 20px;text-align:center}\
        h1{margin:0 0 12px;font-size:1.5rem;line-height:1.25}\
        p{margin:0;text-wrap:balance;color:light-dark(#625953,#b3a9a2)}",
    "<main><h1>This link does not work</h1>\
        <p>It has expired or was revoked. Ask the person who sent it for a new one.</main>",
];

async fn view(records: &Records, objects: &Objects, worker: &RenditionWorker, request: Request) -> Reply {
    match redirect(records, objects, worker, &request).await {
        Err(problem) if problem.code() == ProblemCode::LinkNotFound && api::wants_html(&request) => {
            api::html(problem.code().status(), NOTHING_TO_SHOW)
        }
        reply => reply,
    }
}

async fn redirect(
    records: &Records,
    objects: &Objects,
    worker: &RenditionWorker,
    request: &Request,
) -> Reply {
    let (id, now) = (link_in_path(request)?, domain::now());
    let is_view = *request.method() != "HEAD";
    let opened = records.open_link(&id, is_view, now).await?.ok_or_else(Problem::link_not_found)?;
    let url = address(records, objects, worker, &opened, now).await.map_err(visitors_problem)?;
    api::redirect_once(&url)
}

/// The address of what the link shows: of the current picture, which may be a replacement that the link is older than.
async fn address(
    records: &Records,
    objects: &Objects,
    worker: &RenditionWorker,
    opened: &OpenedLink,
    now: Timestamp,
) -> Result<String, Problem> {
    let OpenedLink { link, image, profile, stripped } = opened;
    // A tier's rules apply to the links that exist, as they do to thumbnails and originals.
    images::check_tier(&profile.limits, link.rendition.is_some())?;
    let picture = image.picture.as_ref().ok_or_else(|| Problem::image_not_ready(image.status))?;
    let file_name = image.file_name.as_str();
    Ok(match shown_rendition(records, worker, link, (image, picture), stripped.clone(), now).await? {
        Some(rendition) => {
            let file_name = file_name_of_rendition(file_name, &rendition.content_type);
            let disposition = content_disposition(link.download, &file_name);
            objects.shared_rendition(&rendition, &disposition, now, link.expires_at).await?
        }
        None => {
            let original = image.key_of(link.id.user(), picture.version);
            let disposition = content_disposition(link.download, file_name);
            objects.shared_original(&original, &disposition, now, link.expires_at).await?
        }
    })
}

/// What a visitor learns: whether another attempt can help, and nothing else.
fn visitors_problem(problem: Problem) -> Problem {
    if problem.code().status().is_server_error() { problem } else { Problem::link_not_found() }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use test_support::{
        Answer, FakeAws, IMAGE_ID, TestRequest, USER, batch, error, image, item, ok, profile, ready_image,
        tier,
    };

    use super::*;

    const SECRET: &str = "01JZ8Q4V7N2M5K3R6T9W0XYZAB";

    /// A link that shows the original as it is.
    fn link() -> Value {
        json!({
            "pk": format!("USER#{USER}"),
            "sk": format!("LINK#{IMAGE_ID}#{SECRET}"),
            "link_id": format!("{SECRET}-{IMAGE_ID}-{USER}"),
            "strip_metadata": false,
            "download": true,
            "views": 1,
            "created_at": "2026-03-12T19:03:58Z",
            "expires_at": 4_000_000_000_i64,
        })
    }

    fn enterprise() -> Value {
        let mut tier = tier();
        tier["expiring_links"] = json!(true);
        profile(tier)
    }

    async fn answer(method: &'static str, aws: &FakeAws) -> Answer {
        let worker = RenditionWorker::new(&aws.config(), "rendition".to_owned());
        let id = format!("{SECRET}-{IMAGE_ID}-{USER}");
        let request = TestRequest::new(method).public().path("link_id", &id).build();
        view(&aws.records(), &aws.objects(), &worker, request).await.into()
    }

    fn found(items: &[Value]) -> (&'static str, u16, Value) {
        ok("BatchGetItem", batch(items))
    }

    /// The original without metadata, made from a version of the picture.
    fn stripped(version: u32) -> Value {
        json!({
            "pk": format!("USER#{USER}"),
            "sk": format!("RENDITION#{IMAGE_ID}#stripped"),
            "version": version,
            "made": {"width": 640, "height": 480, "content_type": "image/jpeg", "bytes": 900},
        })
    }

    fn counted(link: &Value) -> (&'static str, u16, Value) {
        ok("UpdateItem", json!({"Attributes": item(link)["Item"]}))
    }

    #[tokio::test]
    async fn a_view_is_counted_and_leads_to_the_file() {
        let aws = FakeAws::new([counted(&link()), found(&[ready_image(), enterprise()])]);
        let answer = answer("GET", &aws).await;
        let location = serde_json::to_value(&answer).unwrap()["headers"]["location"].take();
        let location = location.as_str().unwrap();
        assert!(
            location
                .starts_with(&format!("https://uploads.s3.eu-central-1.amazonaws.com/{USER}/{IMAGE_ID}/1?"))
        );
        assert!(location.contains("X-Amz-Expires=900&"), "{location}");
        insta::assert_json_snapshot!(answer, { ".headers.location" => "[url]" }, @r#"
        {
          "status": 302,
          "headers": {
            "location": "[url]",
            "x-robots-tag": "noindex"
          },
          "body": null
        }
        "#);
    }

    #[tokio::test]
    async fn the_original_without_metadata_needs_no_further_call() {
        let mut link = link();
        link["strip_metadata"] = json!(true);
        let aws = FakeAws::new([counted(&link), found(&[ready_image(), enterprise(), stripped(1)])]);
        let answer = serde_json::to_value(answer("GET", &aws).await).unwrap();
        let location = answer["headers"]["location"].as_str().unwrap();
        let start = format!("https://derived.s3.eu-central-1.amazonaws.com/{USER}/{IMAGE_ID}/1/stripped?");
        assert!(location.starts_with(&start), "{location}");
        assert!(location.contains("attachment%3B%20filename%2A%3DUTF-8%27%27cat%252Ejpg"), "{location}");
    }

    #[tokio::test]
    async fn of_an_older_picture_nothing_is_shown() {
        let (mut link, mut image) = (link(), ready_image());
        link["strip_metadata"] = json!(true);
        (image["version"], image["picture"]["version"]) = (json!(2), json!(2));
        let refused = error("TransactWriteItems", "ThrottlingException");
        let aws = FakeAws::new([counted(&link), found(&[image, enterprise(), stripped(1)]), refused]);
        // It is made again, and AWS is too busy for that.
        let answer = answer("GET", &aws).await;
        assert_eq!((answer.status, &answer.body["code"]), (503, &json!("unavailable")));
    }

    #[tokio::test]
    async fn head_counts_no_view() {
        let aws = FakeAws::new([ok("GetItem", item(&link())), found(&[ready_image(), enterprise()])]);
        assert_eq!(answer("HEAD", &aws).await.status, 302);
        assert_eq!(aws.operations(), ["GetItem", "BatchGetItem"]);
    }

    #[tokio::test]
    async fn a_visitor_does_not_learn_why_there_is_nothing() {
        let mut deleting = enterprise();
        deleting["deleting_since"] = json!("2026-11-28T19:03:58Z");
        let refused = error("UpdateItem", "ConditionalCheckFailedException");
        let mut texts = Vec::new();
        for prepared in [
            [refused, found(&[ready_image(), enterprise()])],
            [counted(&link()), found(&[enterprise()])],
            [counted(&link()), found(&[image(), enterprise()])],
            [counted(&link()), found(&[ready_image(), profile(tier())])],
            [counted(&link()), found(&[ready_image(), deleting])],
            [counted(&link()), found(&[ready_image()])],
        ] {
            texts.push(serde_json::to_string(&answer("GET", &FakeAws::new(prepared)).await).unwrap());
        }
        texts.dedup();
        assert_eq!(texts.len(), 1, "{texts:?}");
        assert!(texts[0].contains(r#""code":"link-not-found""#), "{texts:?}");
    }

    #[tokio::test]
    async fn an_expired_link_shows_nothing_before_dynamodb_deletes_it() {
        let mut expired = link();
        expired["expires_at"] = json!(1);
        let aws = FakeAws::new([ok("GetItem", item(&expired)), found(&[ready_image(), enterprise()])]);
        assert_eq!(answer("HEAD", &aws).await.status, 404);
    }

    #[tokio::test]
    async fn a_person_sees_a_sentence_instead_of_a_problem() {
        let aws = FakeAws::new([]);
        let worker = RenditionWorker::new(&aws.config(), "rendition".to_owned());
        let accept = "text/html,application/xhtml+xml,image/avif,*/*;q=0.8";
        let request = TestRequest::new("GET").public().path("link_id", "x").header("accept", accept).build();
        let response = view(&aws.records(), &aws.objects(), &worker, request).await.unwrap();
        let body: &[u8] = response.body();
        assert_eq!(response.status(), 404);
        // `openssl dgst -sha256 -binary` of the style sheet, in base64.
        let hash = "sha256-D3XU7NP5F3PvTxG2UaZL36ap+iO71xU4zekGzVdUpKY=";
        let policy = format!("default-src 'none'; style-src '{hash}'; frame-ancestors 'none'");
        assert_eq!(response.headers()["content-security-policy"], policy);
        assert!(String::from_utf8_lossy(body).contains("<h1>This link does not work</h1>"));
    }

    #[tokio::test]
    async fn an_id_of_another_form_needs_no_call() {
        let aws = FakeAws::new([]);
        let worker = RenditionWorker::new(&aws.config(), "rendition".to_owned());
        let request = TestRequest::new("GET").public().path("link_id", SECRET).build();
        let answer = Answer::from(view(&aws.records(), &aws.objects(), &worker, request).await);
        assert_eq!((answer.status, &answer.body["code"]), (404, &json!("link-not-found")));
        assert!(aws.calls().is_empty());
    }
}
