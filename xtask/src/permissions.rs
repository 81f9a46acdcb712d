//! Generates docs/PERMISSIONS.md, the permissions of each role, and checks the rules for roles.
//!
//! Both use the processed template, which contains the resources that SAM generates.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::project;
use crate::venv::SAM;

/// A stack may have 500 resources (AWS CloudFormation quotas). The rest is a reserve for a release.
const MAX_RESOURCES: usize = 450;

/// What the ARN of the table and of its parts begins with. `Name` is the stack's own table or the restored one.
const TABLE_ARN: &str = "arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/${Name}";

/// Writes docs/PERMISSIONS.md.
pub(crate) fn write() -> Result<()> {
    let file = file();
    fs::write(&file, document(&roles(&processed()?)?)?).with_context(|| format!("writing {}", file.display()))
}

/// Fails if the template breaks a rule, or if docs/PERMISSIONS.md differs from the output of [`write()`].
pub(crate) fn check() -> Result<()> {
    let template = processed()?;
    let roles = roles(&template)?;
    let count = resources(&template)?.len();
    eprintln!("    {count} resources; CloudFormation allows 500");
    let faults = faults(&template, &roles)?;
    ensure!(faults.is_empty(), "template.yaml:\n  {}", faults.join("\n  "));
    let written = fs::read_to_string(file()).unwrap_or_default();
    ensure!(
        written == document(&roles)?,
        "docs/PERMISSIONS.md does not show the roles of template.yaml; run `cargo xtask permissions`"
    );
    Ok(())
}

fn file() -> PathBuf {
    project::root().join("docs/PERMISSIONS.md")
}

/// The template as SAM passes it to CloudFormation.
fn processed() -> Result<Value> {
    SAM.ensure()?;
    let mut python = Command::new(SAM.bin("python"));
    python.args(["-c", include_str!("python/processed.py")]).arg(project::template());
    let output = python.output().context("starting SAM's translator")?;
    if !output.status.success() {
        bail!("SAM cannot translate template.yaml: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    serde_json::from_slice(&output.stdout).context("the processed template is not JSON")
}

/// A role and its permissions.
#[derive(Debug)]
struct Role<'a> {
    name: &'a str,
    /// The functions that have it, or the deployment groups of CodeDeploy.
    functions: BTreeSet<&'a str>,
    statements: Vec<Statement>,
}

#[derive(Debug)]
struct Statement {
    policy: String,
    actions: Vec<String>,
    resources: Vec<String>,
    /// The condition of the template under which the role has this statement.
    only_if: Option<String>,
}

fn resources(template: &Value) -> Result<&serde_json::Map<String, Value>> {
    template["Resources"].as_object().context("the processed template has no Resources")
}

fn roles(template: &Value) -> Result<Vec<Role<'_>>> {
    let buckets = buckets(template)?;
    let mut roles = Vec::new();
    for (name, resource) in
        resources(template)?.iter().filter(|(_, resource)| resource["Type"] == "AWS::IAM::Role")
    {
        let has_it = |user: &Value| {
            let properties = &user["Properties"];
            let roles = [&properties["Role"], &properties["ServiceRoleArn"]["Fn::If"][1]];
            roles.iter().any(|role| role["Fn::GetAtt"][0] == name.as_str())
        };
        let functions = resources(template)?.iter().filter(|(_, resource)| has_it(resource));
        let mut statements = Vec::new();
        for policy in items(&resource["Properties"]["Policies"]) {
            for statement in list(&policy["PolicyDocument"]["Statement"]) {
                let statement = read(&policy["PolicyName"], statement, &buckets);
                statements.push(statement.with_context(|| format!("in {name}"))?);
            }
        }
        let functions = functions.map(|(function, _)| function.as_str()).collect();
        roles.push(Role { name, functions, statements });
    }
    Ok(roles)
}

/// Reads a statement of a policy, which may depend on a condition of the template.
fn read(policy: &Value, statement: &Value, buckets: &BTreeMap<String, &str>) -> Result<Statement> {
    let (only_if, statement) = match &statement["Fn::If"] {
        Value::Null => (None, statement),
        choice => {
            ensure!(choice[2]["Ref"] == "AWS::NoValue", "a statement with an alternative: {statement}");
            (choice[0].as_str().map(str::to_owned), &choice[1])
        }
    };
    ensure!(statement["Effect"] == "Allow", "a statement that allows nothing: {statement}");
    ensure!(
        statement["NotAction"].is_null() && statement["NotResource"].is_null(),
        "all but some: {statement}"
    );
    let actions = list(&statement["Action"]).map(|action| text(action, buckets)).collect::<Result<_>>()?;
    let resources =
        list(&statement["Resource"]).map(|resource| text(resource, buckets)).collect::<Result<_>>()?;
    Ok(Statement { policy: text(policy, buckets)?, actions, resources, only_if })
}

/// The buckets that have a name by their ARNs, because roles contain ARNs instead of references to buckets.
fn buckets(template: &Value) -> Result<BTreeMap<String, &str>> {
    let buckets = resources(template)?.iter().filter(|(_, resource)| {
        resource["Type"] == "AWS::S3::Bucket" && !resource["Properties"]["BucketName"].is_null()
    });
    let named = buckets.map(|(id, bucket)| {
        let name = text(&bucket["Properties"]["BucketName"], &BTreeMap::new())?;
        Ok((format!("arn:${{AWS::Partition}}:s3:::{name}"), id.as_str()))
    });
    named.collect()
}

/// A value of the template as readable text, with names of resources instead of ARNs.
fn text(value: &Value, buckets: &BTreeMap<String, &str>) -> Result<String> {
    let pattern = match &value["Fn::Sub"] {
        Value::Array(parts) => parts.first().and_then(Value::as_str),
        pattern => pattern.as_str(),
    };
    if let Some(pattern) = pattern {
        match pattern.strip_prefix(TABLE_ARN) {
            Some("") => return Ok("Table".to_owned()),
            Some(part) => return Ok(format!("${{Table}}{part}")),
            None => {}
        }
        let bucket = buckets.iter().find_map(|(arn, id)| Some((id, pattern.strip_prefix(arn.as_str())?)));
        return Ok(match bucket {
            Some((id, rest)) => format!("{id}{rest}"),
            None => pattern.replace(".Arn}", "}"),
        });
    }
    let name = value.as_str().or_else(|| value["Ref"].as_str()).or_else(|| value["Fn::GetAtt"][0].as_str());
    name.map(str::to_owned).with_context(|| format!("xtask/src/permissions.rs does not know {value}"))
}

/// The errors of the template, each as a sentence.
fn faults(template: &Value, roles: &[Role]) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    let resources = resources(template)?;
    if resources.len() > MAX_RESOURCES {
        faults.push(format!("{} resources are more than {MAX_RESOURCES}", resources.len()));
    }
    for (name, resource) in resources {
        let properties = &resource["Properties"];
        if !properties["ManagedPolicyArns"].is_null() {
            faults.push(format!("{name} has managed policies: {}", properties["ManagedPolicyArns"]));
        }
        if resource["Type"] == "AWS::Lambda::Permission" && properties["SourceArn"].is_null() {
            faults.push(format!("{name} lets a function be invoked for any resource: it has no SourceArn"));
        }
        if resource["Type"] == "AWS::Lambda::Function"
            && !roles.iter().any(|role| role.functions.contains(&**name))
        {
            faults.push(format!("{name} has no role of this template"));
        }
    }
    let bypassing =
        resources.iter().filter(|(name, resource)| *name != "Table" && names_the_own_table(resource));
    faults.extend(bypassing.map(|(name, _)| {
        format!(
            "{name} names Table itself, so it would not use a restored table: use *table-name or *table-arn"
        )
    }));
    for Role { name, functions, statements } in roles {
        if functions.is_empty() {
            faults.push(format!("no function has {name}"));
        }
        for Statement { actions, resources, .. } in statements {
            if let Some(action) = actions.iter().find(|action| action.contains('*')) {
                faults.push(format!("{name} may do whatever begins so: {action}"));
            }
            // X-Ray has no resource types.
            let is_xray = actions.iter().all(|action| action.starts_with("xray:"));
            let is_lambda = actions.iter().all(|action| action.starts_with("lambda:"));
            // A `*` may stand only for the objects of a bucket, for the streams and indexes of a table, and for the versions
            // and aliases of a function.
            let is_wide = |resource: &&String| {
                let function =
                    resource.strip_suffix(":*").filter(|function| is_lambda && is_resource(function));
                function.or_else(|| resource.strip_suffix("/*")).unwrap_or(resource).contains('*')
            };
            if let Some(resource) = resources.iter().find(is_wide).filter(|_| !is_xray) {
                faults.push(format!("{name} may do {} on {resource}", actions.join(", ")));
            }
        }
    }
    Ok(faults)
}

/// Whether a text of [`text()`] is the ARN of one resource of the template, such as `${ImagesGet}`. The text of another
/// ARN can end in the same way: `arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}`.
fn is_resource(text: &str) -> bool {
    let name = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    name.is_some_and(|name| name.chars().all(char::is_alphanumeric))
}

/// Whether a value refers to the stack's own table, other than as the alternative to a restored one.
fn names_the_own_table(value: &Value) -> bool {
    match value {
        Value::Object(members) => members.iter().any(|(key, value)| match key.as_str() {
            "Fn::If" if value[0] == "HasRestoredTable" => false,
            "Ref" => value == "Table",
            "Fn::GetAtt" => value[0] == "Table",
            "Fn::Sub" => {
                let pattern = if value.is_array() { &value[0] } else { value };
                pattern.as_str().is_some_and(|text| text.contains("${Table}") || text.contains("${Table."))
                    || value.is_array() && names_the_own_table(&value[1])
            }
            _ => names_the_own_table(value),
        }),
        Value::Array(values) => values.iter().any(names_the_own_table),
        _ => false,
    }
}

fn document(roles: &[Role]) -> Result<String> {
    let mut output = String::from(
        "# What each role may do\n\n\
         `cargo xtask permissions` makes this page of template.yaml as SAM processes it, and `cargo xtask lint` checks \
         it.\nA resource has its name of the template. `own` is what the function itself does, `events` what Lambda \
         does to bring it\nevents and to keep those that fail.\n",
    );
    for Role { name, functions, statements } in roles {
        let functions: Vec<&str> = functions.iter().copied().collect();
        write!(
            output,
            "\n## {name}\n\nOf {}.\n\n| policy | actions | resources |\n| --- | --- | --- |\n",
            functions.join(", ")
        )?;
        for Statement { policy, actions, resources, only_if } in statements {
            let only_if = only_if.as_ref().map(|name| format!(", if `{name}`")).unwrap_or_default();
            writeln!(output, "| {policy}{only_if} | {} | {} |", code(actions), code(resources))?;
        }
    }
    Ok(output)
}

fn code(texts: &[String]) -> String {
    texts.iter().map(|text| format!("`{text}`")).collect::<Vec<_>>().join(", ")
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// One value, or those of a list.
fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice).iter()
}

#[cfg(test)]
mod tests;
