//! Resolves template functions such as `Ref` and `Fn::Sub` in a deployed template.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};

use crate::aws::Aws;

/// The values of template functions such as `Ref` and `Fn::GetAtt` in one stack.
pub(super) struct Scope {
    pub(super) refs: BTreeMap<String, Value>,
    pub(super) types: BTreeMap<String, String>,
}

impl Scope {
    pub(super) fn of(aws: &mut Aws, stack: &str) -> Result<Self> {
        let mut refs = BTreeMap::new();
        let mut types = BTreeMap::new();
        let name = json!({"StackName": stack});
        let identity = aws.call("sts", "get_caller_identity", json!({}))?;
        let stacks = aws.call("cloudformation", "describe_stacks", name.clone())?;
        let region = stacks["Stacks"][0]["StackId"].as_str().and_then(|arn| arn.split(':').nth(3));
        refs.insert("AWS::Region".to_owned(), json!(region.context("a stack without an ARN")?));
        refs.insert("AWS::AccountId".to_owned(), identity["Account"].clone());
        refs.insert("AWS::Partition".to_owned(), json!("aws"));
        refs.insert("AWS::URLSuffix".to_owned(), json!("amazonaws.com"));
        refs.insert("AWS::StackName".to_owned(), json!(stack));
        for parameter in items(&stacks["Stacks"][0]["Parameters"]) {
            refs.insert(text(&parameter["ParameterKey"])?, parameter["ParameterValue"].clone());
        }
        for resource in
            items(&aws.call("cloudformation", "describe_stack_resources", name)?["StackResources"])
        {
            let id = text(&resource["LogicalResourceId"])?;
            refs.insert(id.clone(), resource["PhysicalResourceId"].clone());
            types.insert(id, text(&resource["ResourceType"])?);
        }
        Ok(Self { refs, types })
    }

    /// Replaces the template functions in `value` by their values.
    pub(super) fn resolve(&self, value: &Value) -> Result<Value> {
        match value {
            Value::Array(values) => values.iter().map(|value| self.resolve(value)).collect(),
            Value::Object(object) => match sole_entry(object) {
                Some(("Ref", name)) => self.reference(name.as_str().unwrap_or_default()),
                Some(("Fn::GetAtt", path)) => self.attribute(path),
                Some(("Fn::Sub", text)) => self.substitute(text),
                Some(("Fn::Join", parts)) => {
                    let parts = self.resolve(parts)?;
                    let list = items(&parts[1]).map(text).collect::<Result<Vec<_>>>()?;
                    Ok(json!(list.join(&text(&parts[0])?)))
                }
                Some(("Fn::Split", parts)) => {
                    let parts = self.resolve(parts)?;
                    let (separator, joined) = (text(&parts[0])?, text(&parts[1])?);
                    Ok(joined.split(&separator).map(str::trim).collect())
                }
                Some((name, _)) if name.starts_with("Fn::") => {
                    bail!("xtask/src/routes/scope.rs does not support {name}, which the HTTP API now uses")
                }
                _ => {
                    let resolved = object.iter().map(|(key, value)| Ok((key.clone(), self.resolve(value)?)));
                    Ok(Value::Object(resolved.collect::<Result<_>>()?))
                }
            },
            plain => Ok(plain.clone()),
        }
    }

    fn reference(&self, name: &str) -> Result<Value> {
        self.refs.get(name).cloned().with_context(|| format!("the stack has no {name}"))
    }

    fn attribute(&self, path: &Value) -> Result<Value> {
        let path = match path.as_str() {
            Some(path) => path.to_owned(),
            None => items(path).map(text).collect::<Result<Vec<_>>>()?.join("."),
        };
        let (id, attribute) = path.split_once('.').context("Fn::GetAtt without an attribute")?;
        let physical = text(&self.reference(id)?)?;
        let region = text(&self.reference("AWS::Region")?)?;
        let account = text(&self.reference("AWS::AccountId")?)?;
        match (self.types.get(id).map(String::as_str), attribute) {
            (Some("AWS::Lambda::Function"), "Arn") => {
                Ok(json!(format!("arn:aws:lambda:{region}:{account}:function:{physical}")))
            }
            (Some("AWS::Cognito::UserPool"), "ProviderName") => {
                Ok(json!(format!("cognito-idp.{region}.amazonaws.com/{physical}")))
            }
            _ => bail!(
                "xtask/src/routes/scope.rs does not support the attribute {path}, which the HTTP API now uses"
            ),
        }
    }

    fn substitute(&self, argument: &Value) -> Result<Value> {
        let (pattern, variables) = match argument.as_array().map(Vec::as_slice) {
            Some([pattern, variables]) => (text(pattern)?, self.resolve(variables)?),
            _ => (text(argument)?, Value::Null),
        };
        let mut output = String::new();
        let mut rest = pattern.as_str();
        while let Some((before, after)) = rest.split_once("${") {
            let (name, tail) = after.split_once('}').context("Fn::Sub with an open brace")?;
            let value = match variables.get(name) {
                Some(value) => value.clone(),
                None if name.contains('.') => self.attribute(&json!(name))?,
                None => self.reference(name)?,
            };
            output.push_str(before);
            output.push_str(&text(&value)?);
            rest = tail;
        }
        output.push_str(rest);
        Ok(json!(output))
    }
}

fn sole_entry(object: &Map<String, Value>) -> Option<(&str, &Value)> {
    let (key, value) = object.iter().next().filter(|_| object.len() == 1)?;
    Some((key, value))
}

pub(super) fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

pub(super) fn items_of(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

pub(super) fn text(value: &Value) -> Result<String> {
    value.as_str().map(str::to_owned).with_context(|| format!("expected a string, found {value}"))
}
