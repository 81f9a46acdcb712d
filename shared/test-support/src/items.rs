//! Items of the table, and their form in DynamoDB's JSON.

use serde_json::{Map, Value, json};

/// The `sub` of the caller.
pub const USER: &str = "5f0c3c9e-0000-4000-8000-000000000000";
/// The user name of the caller.
pub const USERNAME: &str = "ann";
/// The id of [`image`].
pub const IMAGE_ID: &str = "01K8Z3J5Q0000000000000TEST";
/// The id of [`set`].
pub const SET_ID: &str = "01K8Z3J5Q00000000000000SET";

/// A pending image of the caller, without a picture.
#[must_use]
pub fn image() -> Value {
    json!({
        "pk": format!("USER#{USER}"),
        "sk": format!("IMAGE#{IMAGE_ID}"),
        "id": IMAGE_ID,
        "file_name": "cat.jpg",
        "content_type": "image/jpeg",
        "size": 1000,
        "version": 1,
        "status": "pending",
        "created_at": "2026-03-12T19:03:58Z",
        "updated_at": "2026-03-12T19:03:58Z",
    })
}

/// The same image with a picture, which has a thumbnail of the size 200.
#[must_use]
pub fn ready_image() -> Value {
    let mut image = image();
    image["status"] = json!("ready");
    image["uploaded_at"] = json!("2026-03-12T19:04:00Z");
    image["picture"] = json!({
        "version": 1,
        "content_type": "image/jpeg",
        "size": 1000,
        "width": 640,
        "height": 480,
        "thumbnails": [{"size": 200, "width": 200, "height": 150, "content_type": "image/jpeg"}],
        "placeholder": {"thumbhash": "3OcRJYB4d3h/iIeHeEh3eIhw+j3A", "color": "#806040"},
    });
    image
}

/// A set of the caller with these images in its slots.
#[must_use]
pub fn set(slots: &Value) -> Value {
    json!({
        "pk": format!("USER#{USER}"),
        "sk": format!("SET#{SET_ID}"),
        "id": SET_ID,
        "created_at": "2026-03-12T19:03:58Z",
        "updated_at": "2026-03-12T19:03:58Z",
        "slots": slots,
    })
}

/// The tier `basic`: thumbnails of the size 200, no trash, and nothing else is allowed.
#[must_use]
pub fn tier() -> Value {
    json!({
        "id": "basic",
        "name": "Basic",
        "thumbnail_sizes": [200],
        "original_link": false,
        "expiring_links": false,
        "renditions": false,
        "max_image_bytes": 10_000_000,
        "max_images": 100,
        "max_sets": 100,
        "max_links": 100,
        "max_pending_uploads": 100,
        "ai": false,
        "max_ai_calls_per_day": 10,
        "trash_days": 0,
        "revision": 1,
    })
}

/// The profile of the caller in this tier, with one image.
#[must_use]
pub fn profile(tier: Value) -> Value {
    json!({
        "pk": format!("USER#{USER}"),
        "sk": "PROFILE",
        "tier": tier["id"],
        "limits": tier,
        "images": 1,
        "bytes": 1000,
    })
}

/// The output of `GetItem` with this item.
#[must_use]
pub fn item(item: &Value) -> Value {
    json!({"Item": attributes(item)})
}

/// The output of `Query` with these items.
#[must_use]
pub fn items(items: &[Value]) -> Value {
    json!({"Items": items.iter().map(attributes).collect::<Vec<_>>(), "Count": items.len()})
}

/// The output of `BatchGetItem` with these items.
#[must_use]
pub fn batch(items: &[Value]) -> Value {
    json!({"Responses": {"table": items.iter().map(attributes).collect::<Vec<_>>()}})
}

fn attributes(item: &Value) -> Value {
    let members = item.as_object().into_iter().flatten();
    Value::Object(members.map(|(name, value)| (name.clone(), attribute(value))).collect::<Map<_, _>>())
}

fn attribute(value: &Value) -> Value {
    match value {
        Value::Null => json!({"NULL": true}),
        Value::Bool(flag) => json!({"BOOL": flag}),
        Value::Number(number) => json!({"N": number.to_string()}),
        Value::String(text) => json!({"S": text}),
        Value::Array(list) => json!({"L": list.iter().map(attribute).collect::<Vec<_>>()}),
        Value::Object(_) => json!({"M": attributes(value)}),
    }
}
