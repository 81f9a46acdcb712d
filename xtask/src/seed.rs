//! The outputs of a stack, and the profiles of the two users of the local stack.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::aws::Aws;

/// The tier of the local demo user and the local admin.
const ENTERPRISE: &str = "enterprise";

const EXISTS: &str = "ConditionalCheckFailedException";

/// A stack's outputs by name.
pub(crate) fn outputs(aws: &mut Aws, stack: &str) -> Result<BTreeMap<String, String>> {
    let answer = aws.call("cloudformation", "describe_stacks", json!({"StackName": stack}))?;
    let outputs = answer["Stacks"][0]["Outputs"].as_array().context("the stack has no outputs")?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Ok(outputs.iter().map(|output| (text(&output["OutputKey"]), text(&output["OutputValue"]))).collect())
}

/// Gives a user the enterprise tier, unless the user already has a profile.
pub(crate) fn enterprise_profile(aws: &mut Aws, table: &str, sub: &str) -> Result<()> {
    let key = json!({"pk": {"S": "TIER"}, "sk": {"S": format!("TIER#{ENTERPRISE}")}});
    let found = aws.call("dynamodb", "get_item", json!({"TableName": table, "Key": key}))?;
    let Some(mut tier) = found["Item"].as_object().cloned() else {
        // An admin deleted the tier. The user then has the tier of new users.
        return Ok(());
    };
    tier.retain(|name, _| name != "pk" && name != "sk");
    let item = json!({
        "pk": {"S": format!("USER#{sub}")},
        "sk": {"S": "PROFILE"},
        "tier": {"S": ENTERPRISE},
        "limits": {"M": tier},
        "images": {"N": "0"},
        "bytes": {"N": "0"},
    });
    let condition = "attribute_not_exists(pk)";
    let parameters = json!({"TableName": table, "Item": item, "ConditionExpression": condition});
    aws.call_unless(EXISTS, "dynamodb", "put_item", parameters)
}
