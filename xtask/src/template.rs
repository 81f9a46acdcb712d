//! Reads template.yaml.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result};
use serde_yaml_ng::Value;

/// A function of the template.
#[derive(Debug, PartialEq)]
pub(crate) struct Function {
    /// Name of its binary, the last part of `CodeUri`.
    pub(crate) bin: String,
    /// The routes of the HTTP API that call it.
    pub(crate) routes: Vec<Route>,
}

/// A method and a path such as `/api/images/{id}`.
#[derive(Debug, PartialEq)]
pub(crate) struct Route {
    pub(crate) method: String,
    pub(crate) path: String,
}

/// Reads the template's functions, in the order of the file.
pub(crate) fn functions(path: &Path) -> Result<Vec<Function>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    parse(&text).with_context(|| format!("in {}", path.display()))
}

/// The names of the environment variables of all functions.
pub(crate) fn variables(path: &Path) -> Result<Vec<String>> {
    let template = read(&std::fs::read_to_string(path)?)?;
    let resources = template["Resources"].as_mapping().into_iter().flat_map(|resources| resources.values());
    let functions = resources.map(|resource| &resource["Properties"]);
    let all = std::iter::once(&template["Globals"]["Function"]).chain(functions);
    let names = all.filter_map(|function| function["Environment"]["Variables"].as_mapping());
    Ok(names.flat_map(|names| names.keys()).filter_map(Value::as_str).map(str::to_owned).collect())
}

/// The defaults of the parameters that have one.
pub(crate) fn defaults(path: &Path) -> Result<BTreeMap<String, String>> {
    let template = read(&std::fs::read_to_string(path)?)?;
    let parameters = template["Parameters"].as_mapping().context("no Parameters")?.iter();
    let defaults = parameters.filter_map(|(name, parameter)| {
        let value = match &parameter["Default"] {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => return None,
        };
        Some((name.as_str()?.to_owned(), value))
    });
    Ok(defaults.collect())
}

/// The template with its anchors and merge keys resolved, as `sam` resolves them.
pub(crate) fn read(text: &str) -> Result<Value> {
    let mut template: Value = serde_yaml_ng::from_str(text)?;
    template.apply_merge()?;
    Ok(template)
}

fn parse(text: &str) -> Result<Vec<Function>> {
    let template = read(text)?;
    let resources = template["Resources"].as_mapping().context("no Resources")?;
    resources
        .iter()
        .filter(|(_, resource)| resource["Type"] == "AWS::Serverless::Function")
        .map(|(id, resource)| function(&resource["Properties"]).with_context(|| format!("function {id:?}")))
        .collect()
}

fn function(properties: &Value) -> Result<Function> {
    let code = properties["CodeUri"].as_str().context("CodeUri is not a path")?;
    let bin = Path::new(code).file_name().context("CodeUri is empty")?.to_string_lossy().into_owned();
    let events = properties["Events"].as_mapping().into_iter().flat_map(|events| events.values());
    let routes = events
        .filter(|event| event["Type"] == "HttpApi")
        .map(|event| {
            let text = |key: &str| event["Properties"][key].as_str().map(str::to_owned);
            let method = text("Method").context("an HttpApi event without a Method")?;
            let path = text("Path").context("an HttpApi event without a Path")?;
            Ok(Route { method: method.to_uppercase(), path })
        })
        .collect::<Result<_>>()?;
    Ok(Function { bin, routes })
}

/// The functions' routes in the format of cargo-lambda's configuration, for `cargo lambda watch`. Its router has no
/// `$default`; it answers such requests itself. It writes `{*name}` for a parameter `{name+}`, the rest of a path.
pub(crate) fn watch_config(functions: &[Function]) -> String {
    let mut router: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for Function { bin, routes } in functions {
        for Route { method, path } in routes.iter().filter(|route| route.path.starts_with('/')) {
            let target = format!("{{ function = {bin:?}, method = {method:?} }}");
            let path = match path.strip_suffix("+}").and_then(|path| path.rsplit_once('{')) {
                Some((before, name)) => format!("{before}{{*{name}}}"),
                None => path.clone(),
            };
            router.entry(path).or_default().push(target);
        }
    }
    let lines = router.iter().map(|(path, targets)| format!("{path:?} = [{}]\n", targets.join(", ")));
    std::iter::once("[watch.router]\n".to_owned()).chain(lines).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = "
Resources:
  Bucket: {Type: AWS::S3::Bucket}
  ImagesCreate:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: target/lambda/images-create/
      Role: !GetAtt Role.Arn
      Events:
        Http: {Type: HttpApi, Properties: {Method: post, Path: /api/images, ApiId: !Ref Api}}
  ImagesList:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: target/lambda/images-list/
      Events:
        Http: {Type: HttpApi, Properties: {Method: GET, Path: /api/images}}
  WorkersStream:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: target/lambda/workers-stream/
      Events:
        Table: {Type: DynamoDB, Properties: {BatchSize: 10}}
  DocsDefaultRoute:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: target/lambda/docs-default-route/
      Events:
        Http: {Type: HttpApi, Properties: {Method: ANY, Path: $default}}
";

    #[test]
    fn functions_and_their_routes_are_found() -> Result<()> {
        let functions = parse(TEMPLATE)?;
        let bins: Vec<&str> = functions.iter().map(|function| function.bin.as_str()).collect();
        assert_eq!(bins, ["images-create", "images-list", "workers-stream", "docs-default-route"]);
        let route = Route { method: "POST".to_owned(), path: "/api/images".to_owned() };
        assert_eq!(functions[0].routes, [route]);
        assert_eq!(functions[2].routes, []);
        Ok(())
    }

    #[test]
    fn what_anchors_and_merge_keys_stand_for_is_read() -> Result<()> {
        let text = "
Metadata:
  Shared: &function {Type: AWS::Serverless::Function}
Resources:
  ImagesList:
    <<: *function
    Properties: {CodeUri: target/lambda/images-list/}
";
        assert_eq!(parse(text)?, [Function { bin: "images-list".to_owned(), routes: Vec::new() }]);
        Ok(())
    }

    #[test]
    fn a_path_with_two_methods_goes_to_two_functions() -> Result<()> {
        let expected = r#"[watch.router]
"/api/images" = [{ function = "images-create", method = "POST" }, { function = "images-list", method = "GET" }]
"#;
        assert_eq!(watch_config(&parse(TEMPLATE)?), expected);
        Ok(())
    }

    #[test]
    fn the_rest_of_a_path_is_named_as_cargo_lambda_does() -> Result<()> {
        let text = TEMPLATE.replace("$default", "'/assets/{hash}/{proxy+}'");
        let config = watch_config(&parse(&text)?);
        assert!(
            config.contains("\"/assets/{hash}/{*proxy}\" = [{ function = \"docs-default-route\""),
            "{config}"
        );
        Ok(())
    }

    #[test]
    fn an_event_without_a_path_is_refused() {
        let text = TEMPLATE.replace("Path: /api/images}", "Typo: x}");
        assert!(parse(&text).is_err());
    }
}
