//! What a new table holds: the three tiers.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::aws::Aws;

/// The tier of the local demo user and the local admin.
pub(crate) const ENTERPRISE: &str = "enterprise";

const EXISTS: &str = "ConditionalCheckFailedException";

/// A stack's outputs by name.
pub(crate) fn outputs(aws: &mut Aws, stack: &str) -> Result<BTreeMap<String, String>> {
    let answer = aws.call("cloudformation", "describe_stacks", json!({"StackName": stack}))?;
    let outputs = answer["Stacks"][0]["Outputs"].as_array().context("the stack has no outputs")?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Ok(outputs.iter().map(|output| (text(&output["OutputKey"]), text(&output["OutputValue"]))).collect())
}

/// Writes the tiers that are not there; one that an admin changed stays.
pub(crate) fn tiers(aws: &mut Aws, table: &str) -> Result<()> {
    for id in ["basic", "premium", ENTERPRISE] {
        let mut item = tier(id);
        item["pk"] = json!({"S": "TIER"});
        item["sk"] = json!({"S": format!("TIER#{id}")});
        put_new(aws, table, &item)?;
    }
    Ok(())
}

/// Gives a user the enterprise tier, unless the user has a profile, and with it counters, already.
pub(crate) fn enterprise_profile(aws: &mut Aws, table: &str, sub: &str) -> Result<()> {
    let item = json!({
        "pk": {"S": format!("USER#{sub}")},
        "sk": {"S": "PROFILE"},
        "tier": {"S": ENTERPRISE},
        "limits": {"M": tier(ENTERPRISE)},
        "images": {"N": "0"},
        "bytes": {"N": "0"},
    });
    put_new(aws, table, &item)
}

fn put_new(aws: &mut Aws, table: &str, item: &Value) -> Result<()> {
    let condition = "attribute_not_exists(pk)";
    let parameters = json!({"TableName": table, "Item": item, "ConditionExpression": condition});
    aws.call_unless(EXISTS, "dynamodb", "put_item", parameters)
}

fn tier(id: &str) -> Value {
    let (name, sizes, original, everything, bytes, images) = match id {
        "basic" => ("Basic", vec![200], false, false, 10_000_000, 100),
        "premium" => ("Premium", vec![200, 400], true, false, 25_000_000, 1_000),
        _ => ("Enterprise", vec![200, 400, 1200], true, true, 50_000_000, 10_000),
    };
    let sizes: Vec<Value> = sizes.into_iter().map(number).collect();
    json!({
        "id": {"S": id},
        "name": {"S": name},
        "thumbnail_sizes": {"L": sizes},
        "original_link": {"BOOL": original},
        "expiring_links": {"BOOL": everything},
        "ai": {"BOOL": everything},
        "max_image_bytes": number(bytes),
        "max_images": number(images),
        "revision": number(1),
    })
}

fn number(value: u32) -> Value {
    json!({"N": value.to_string()})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiers_are_what_the_design_says() {
        let basic = tier("basic");
        assert_eq!(basic["thumbnail_sizes"], json!({"L": [{"N": "200"}]}));
        assert_eq!(basic["original_link"], json!({"BOOL": false}));
        assert_eq!(tier(ENTERPRISE)["max_image_bytes"], json!({"N": "50000000"}));
        assert_eq!(tier("premium")["ai"], json!({"BOOL": false}));
    }
}
