use serde_json::json;

use super::*;

fn template(statement: &Value) -> Value {
    let bucket = json!({"Fn::Sub": ["${Prefix}-uploads", {"Prefix": {"Ref": "AWS::StackName"}}]});
    json!({"Resources": {
        "Uploads": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": bucket}},
        "Get": {"Type": "AWS::Lambda::Function", "Properties": {"Role": {"Fn::GetAtt": ["GetRole", "Arn"]}}},
        "GetRole": {"Type": "AWS::IAM::Role", "Properties": {
            "Policies": [{"PolicyName": "own", "PolicyDocument": {"Statement": [statement]}}],
        }},
    }})
}

fn allow(action: &str, resource: Value) -> Value {
    json!({"Effect": "Allow", "Action": [action], "Resource": resource})
}

fn found(template: &Value) -> Result<Vec<String>> {
    faults(template, &roles(template)?)
}

#[test]
fn resources_have_the_names_of_the_template() -> Result<()> {
    let table = |part: &str| {
        let name = json!({"Fn::If": ["HasRestoredTable", {"Ref": "RestoredTable"}, {"Ref": "Table"}]});
        json!({"Fn::Sub": [format!("{TABLE_ARN}{part}"), {"Name": name}]})
    };
    let objects =
        json!({"Fn::Sub": ["arn:${AWS::Partition}:s3:::${Prefix}-uploads/*", {"Prefix": {"Ref": "x"}}]});
    let template = template(&allow("a:B", json!([table(""), table("/index/by_time"), objects])));
    let document = document(&roles(&template)?)?;
    assert!(document.contains("## GetRole\n\nOf Get."), "{document}");
    assert!(
        document.contains("| own | `a:B` | `Table`, `${Table}/index/by_time`, `Uploads/*` |"),
        "{document}"
    );
    assert_eq!(found(&template)?, [""; 0]);
    Ok(())
}

#[test]
fn a_statement_names_its_condition() -> Result<()> {
    let statement = allow("a:B", json!({"Ref": "Key"}));
    let template = template(&json!({"Fn::If": ["HasKey", statement, {"Ref": "AWS::NoValue"}]}));
    let document = document(&roles(&template)?)?;
    assert!(document.contains("| own, if `HasKey` | `a:B` | `Key` |"), "{document}");
    Ok(())
}

#[test]
fn a_resource_that_would_ignore_a_restored_table_is_found() -> Result<()> {
    for own in [
        json!({"Fn::GetAtt": ["Table", "Arn"]}),
        json!({"Ref": "Table"}),
        json!({"Fn::Sub": "${Table.Arn}/index/by_time"}),
        json!({"Fn::Sub": ["${Name}/x", {"Name": {"Ref": "Table"}}]}),
    ] {
        let faults = found(&template(&allow("dynamodb:Query", own)))?;
        assert!(faults.len() == 1 && faults[0].contains("restored table"), "{faults:?}");
    }
    Ok(())
}

#[test]
fn the_versions_of_a_function_are_not_too_many() -> Result<()> {
    let template = template(&allow("lambda:Get", json!({"Fn::Sub": "${Get.Arn}:*"})));
    assert_eq!(found(&template)?, [""; 0]);
    let document = document(&roles(&template)?)?;
    assert!(document.contains("| own | `lambda:Get` | `${Get}:*` |"), "{document}");
    Ok(())
}

#[test]
fn all_resources_of_a_service_are_too_many() -> Result<()> {
    let arn =
        |service: &str| format!("arn:${{AWS::Partition}}:{service}:${{AWS::Region}}:${{AWS::AccountId}}:*");
    let queues = "arn:${AWS::Partition}:sqs:${AWS::Region}:*".to_owned();
    for (action, pattern) in [
        ("lambda:Get", arn("lambda")),
        ("sqs:SendMessage", arn("sqs")),
        ("sqs:SendMessage", queues),
        // Only a function has versions.
        ("logs:PutLogEvents", "${Get.Arn}:*".to_owned()),
    ] {
        let statement = allow(action, json!({"Fn::Sub": pattern}));
        assert_eq!(found(&template(&statement))?.len(), 1, "{statement}");
    }
    Ok(())
}

#[test]
fn x_ray_alone_may_have_every_resource() -> Result<()> {
    assert_eq!(found(&template(&allow("xray:PutTraceSegments", json!("*"))))?, [""; 0]);
    for statement in [
        allow("sqs:ReceiveMessage", json!("*")),
        allow("sqs:ReceiveMessage", json!("arn:aws:sqs:*:1:x")),
        allow("lambda:Get", json!("arn:aws:lambda:eu-west-1:1:function:*")),
        allow("sqs:*", json!({"Ref": "Queue"})),
    ] {
        assert_eq!(found(&template(&statement))?.len(), 1, "{statement}");
    }
    Ok(())
}

#[test]
fn what_sam_adds_by_itself_is_refused() -> Result<()> {
    let statement = allow("a:B", json!({"Ref": "Queue"}));
    let mut managed = template(&statement);
    managed["Resources"]["GetRole"]["Properties"]["ManagedPolicyArns"] = json!(["arn:aws:iam::aws:policy/x"]);
    assert_eq!(found(&managed)?.len(), 1);
    let mut open = template(&statement);
    open["Resources"]["May"] =
        json!({"Type": "AWS::Lambda::Permission", "Properties": {"SourceAccount": "1"}});
    assert_eq!(found(&open)?.len(), 1);
    Ok(())
}

#[test]
fn a_role_of_nobody_and_a_function_without_a_role_are_found() -> Result<()> {
    let mut template = template(&allow("a:B", json!({"Ref": "Queue"})));
    template["Resources"]["Get"]["Properties"]["Role"] = json!("arn:aws:iam::1:role/other");
    assert_eq!(found(&template)?.len(), 2);
    Ok(())
}

#[test]
fn a_stack_keeps_room_to_grow() -> Result<()> {
    let mut template = template(&allow("a:B", json!({"Ref": "Queue"})));
    for n in 0..MAX_RESOURCES {
        template["Resources"][format!("Queue{n}")] = json!({"Type": "AWS::SQS::Queue"});
    }
    assert_eq!(found(&template)?.len(), 1);
    Ok(())
}
