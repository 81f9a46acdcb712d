//! Tests of the lines of a manifest.

use serde_json::json;

use super::*;

fn image() -> Value {
    json!({"type": "image", "id": "7", "user": "ann", "file": "a/b.jpg", "created_at": "2019-05-01T12:00:00Z"})
}

fn refusal(line: &Value) -> String {
    parse(&line.to_string()).unwrap_err()
}

fn with(name: &str, value: Value) -> Value {
    let mut line = image();
    line[name] = value;
    line
}

#[test]
fn a_line_with_all_fields_is_read() {
    let mut line = image();
    line["set"] = json!({"id": "s", "image_type": "image2"});
    (line["title"], line["description"], line["phone_number"]) =
        (json!(""), json!("Two\nlines"), json!(null));
    let Line::Image(image) = parse(&line.to_string()).unwrap() else { panic!("no image") };
    assert_eq!((image.title, image.phone_number), (None, None));
    assert_eq!((image.file.name(), image.file.content_type()), ("b.jpg", Some("image/jpeg")));
    // Django's isoformat() writes microseconds and an offset.
    let line = with("created_at", json!("2019-05-01T14:00:00.123456+02:00"));
    let Line::Image(image) = parse(&line.to_string()).unwrap() else { panic!("no image") };
    assert_eq!(image.created_at.0.to_string(), "2019-05-01T12:00:00.123Z");
}

#[test]
fn a_bad_line_is_told_what_is_wrong() {
    assert!(parse("{").unwrap_err().starts_with("no valid JSON: "));
    assert_eq!(parse("7").unwrap_err(), "must be a JSON object");
    for (field, value, reason) in [
        ("type", json!("photo"), "type: must be \"tier\", \"user\", \"set\" or \"image\""),
        ("id", json!(""), "id: must have 1 to 200 characters on one line"),
        ("user", json!("a b"), "user: must be 1 to 128 visible characters without spaces"),
        ("created_at", json!("2999-01-01T00:00:00Z"), "created_at: must be a time between 1970 and now"),
        ("title", json!("x".repeat(201)), "title: must have 1 to 200 characters, not 201"),
        ("set", json!({"id": "s", "image_type": "image4"}), "set.image_type: "),
        ("colour", json!("red"), "unknown field `colour`"),
    ] {
        let refusal = refusal(&with(field, value));
        assert!(refusal.contains(reason), "{refusal}");
    }
    // A time without an offset can mean 24 different times.
    let refused = refusal(&with("created_at", json!("2019-05-01T12:00:00")));
    assert!(refused.starts_with("created_at: ") && refused.contains("offset"), "{refused}");
    let mut line = image();
    line.as_object_mut().unwrap().remove("file");
    assert_eq!(refusal(&line), "missing field `file`");
    assert!(
        parse(&with("description", json!("x".repeat(70_000))).to_string()).unwrap_err().contains("65536")
    );
}

#[test]
fn a_user_name_is_not_an_address() {
    let line = |username: &str| json!({"type": "user", "username": username, "email": "ann@example.com", "first_name": "", "tier": null});
    let Line::User(user) = parse(&line("Ann").to_string()).unwrap() else { panic!("no user") };
    assert!(user.first_name.is_none() && user.tier.is_none() && user.enabled && !user.admin);
    assert!(refusal(&line("ann@example.com")).starts_with("username: must not contain @"));
}

#[test]
fn a_file_cannot_be_outside_the_directory() {
    for path in ["", "/etc/passwd", "../a", "a/../../b", "a//b", "./a", "a\\..\\b", "a/"] {
        assert!(refusal(&with("file", json!(path))).starts_with("file: must be a relative path"), "{path}");
    }
}

#[test]
fn lines_that_differ_have_different_keys() {
    let key = |line: Value| match parse(&line.to_string()) {
        Ok(Line::Image(image)) => image.key(),
        other => panic!("{other:?}"),
    };
    let (first, other) = (key(image()), key(with("id", json!("8"))));
    assert_eq!(first, key(image()));
    assert_ne!(first.key, other.key);
    let changed = key(with("file", json!("c.jpg")));
    assert_eq!(first.key, changed.key);
    assert_ne!(first.request, changed.request);
    assert_ne!(digest(&["ab", "c"]), digest(&["a", "bc"]));
}
